package shape

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
)

// A Block is one kind of block of the configuration.
type Block struct {
	// Path is the types of the blocks that lead to it: "repository ssh". That of the file itself is empty.
	Path       string             `json:"block"`
	Label      string             `json:"label,omitempty"` // what its name is: "name" or "glob"
	Many       bool               `json:"many"`            // there can be several
	Text       string             `json:"text"`            // what it is for; half a sentence
	Attributes []decode.Attribute `json:"attributes"`
}

// Reference lists every attribute of every kind of block, each block after the one that it stands in. It is made of what the
// decoders read by.
func Reference() []Block {
	labels := map[string]string{}
	for _, b := range Root().Blocks {
		labels[b.Type] = strings.Join(b.LabelNames, " ")
	}
	out := []Block{}
	add := func(path string, s decode.Shape) {
		out = append(out, Block{Path: path, Label: labels[path], Many: labels[path] != "" || path == "locals", Text: s.Text, Attributes: s.Attributes})
	}
	add("", Root())
	add("locals", Locals())
	add("repository", Repository())
	add("repository ssh", SSH())
	add("repository github", GitHub())
	add("repository github app", GitHubApp())
	add("repository gitlab", GitLab())
	add("repository gitea", Gitea())
	add("repository bitbucket", Bitbucket())
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
	add("notify", Notify())
	add("web", Web())
	add("metrics", Metrics())
	add("retention", Retention())
	add("person", Person())
	return out
}

// Nested are the shapes of blocks in which others stand, by path.
func Nested() map[string][]hcl.BlockHeaderSchema {
	return map[string][]hcl.BlockHeaderSchema{
		"": Root().Blocks, "repository": Repository().Blocks, "repository github": GitHub().Blocks, "stack": Stack().Blocks, "stacks": Stacks().Blocks,
	}
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
	case "defaults":
		s.Text = "what holds for every stack that does not say otherwise, maps and lists too"
	}
	s.Attributes = slices.DeleteFunc(WithoutRequired(s).Attributes, func(a decode.Attribute) bool {
		return a.Name == "dir" || kind == "defaults" && slices.Contains([]string{"depends_on", "for_each", "name"}, a.Name)
	})
	return s
}
