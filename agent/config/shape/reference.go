package shape

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
	add("", Root())
	add("repository", Repository())
	add("repository ssh", SSH())
	add("repository github", GitHub())
	add("repository github app", GitHubApp())
	add("repository require_signed", RequireSigned())
	for _, kind := range []string{"stack", "stacks", "defaults"} {
		add(kind, inBlock(kind))
		if kind != "defaults" {
			add(kind+" hooks", Hooks())
		}
		add(kind+" terraform", Tool())
		add(kind+" aws", AWS())
	}
	add("image", Image())
	add("terraform", Terraform())
	add("packer", Packer())
	add("slack", Slack())
	add("backup", Backup())
	add("hooks", Hooks())
	add("retention", Retention())
	add("person", Person())
	return out
}

// inBlock is the shape of a stack as it stands in another kind of block: where nothing is required, and what each stack has of its
// own is left out.
func inBlock(kind string) decode.Shape {
	s := Stack()
	switch kind {
	case "stack":
		return s
	case "stacks":
		s = Stacks()
	}
	var attributes []decode.Attribute
	for _, a := range WithoutRequired(s).Attributes {
		if a.Name != "dir" && (a.Name != "depends_on" || kind != "defaults") {
			attributes = append(attributes, a)
		}
	}
	s.Attributes = attributes
	return s
}
