package config

import "sallyport/agent/config/decode"

// A Block is one kind of block of the configuration.
type Block struct {
	// Path is the types of the blocks that lead to it: "repository ssh". That of the file itself is empty.
	Path       string
	Attributes []decode.Attribute
}

// Reference lists every attribute of every kind of block, each block after the one that it stands in. It is made of what the
// decoders read by.
func Reference() []Block {
	out := []Block{}
	add := func(path string, s decode.Shape) { out = append(out, Block{Path: path, Attributes: s.Attributes}) }
	add("", rootShape())
	add("repository", repositoryShape())
	add("repository ssh", sshShape())
	add("repository github", githubShape())
	add("repository github app", githubAppShape())
	add("repository require_signed", requireSignedShape())
	for _, kind := range []string{"stack", "stacks", "defaults"} {
		add(kind, inBlock(kind))
		if kind != "defaults" {
			add(kind+" hooks", hooksShape())
		}
		add(kind+" terraform", toolShape())
		add(kind+" aws", awsShape())
	}
	add("image", imageShape())
	add("terraform", terraformShape())
	add("packer", packerShape())
	add("slack", slackShape())
	add("backup", backupShape())
	add("hooks", hooksShape())
	add("retention", retentionShape())
	add("person", personShape())
	return out
}

// inBlock is the shape of a stack as it stands in another kind of block: where nothing is required, and what each stack has of its
// own is left out.
func inBlock(kind string) decode.Shape {
	s := stackShape()
	switch kind {
	case "stack":
		return s
	case "stacks":
		s = stacksShape()
	}
	var attributes []decode.Attribute
	for _, a := range withoutRequired(s).Attributes {
		if a.Name != "dir" && (a.Name != "depends_on" || kind != "defaults") {
			attributes = append(attributes, a)
		}
	}
	s.Attributes = attributes
	return s
}
