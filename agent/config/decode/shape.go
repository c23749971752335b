package decode

import "github.com/hashicorp/hcl/v2"

// Type is how the value of an attribute is written.
type Type string

// The types. What each takes, [Type.Takes] says.
const (
	String    Type = "string"
	Boolean   Type = "true or false"
	Number    Type = "whole number"
	ID        Type = "number"
	Duration  Type = "duration"
	Size      Type = "size"
	Schedule  Type = "schedule"
	Choice    Type = "word"
	File      Type = "path"
	Secret    Type = "secret string"
	List      Type = "list of strings"
	Globs     Type = "list of globs"
	Map       Type = "map of strings"
	SecretMap Type = "map of strings, which may be secret"
	Values    Type = "map of values, which may be secret"
	Command   Type = "list of words"
	Objects   Type = "object, or list of objects"
	Elements  Type = "map, or set of strings"
)

// Takes says how a type is written, with its unit; empty where its name says it.
func (t Type) Takes() string {
	return map[Type]string{
		Duration:  `a number and a unit, h, m, s or ms, in a string: "90s", "1h30m"`,
		Size:      `a whole number and a unit, KB, MB or GB (of 1024 each), in a string: "512MB"`,
		Schedule:  `cron's five fields (or six, with seconds in front), "@hourly", "@daily", "@weekly" or "@every 30s"; CRON_TZ=ZONE before it sets the time zone`,
		File:      "relative ones begin at the directory of the configuration",
		Secret:    `best from credential("NAME"), file("PATH") or env("NAME")`,
		Globs:     "relative to the root of the repository; * is within one directory, ** across them",
		SecretMap: `values may come from credential("NAME"), file("PATH") or env("NAME")`,
		Values:    `of any type that a variable has; values may come from credential("NAME"), file("PATH") or env("NAME")`,
		Command:   "run as they are, without a shell",
		Elements:  `a map of values of any kind, or toset(["staging", "prod"]); a key is letters, digits, dots, dashes and underscores`,
	}[t]
}

// An Attribute is one that may stand in a kind of block.
type Attribute struct {
	Name     string   `json:"name"`
	Required bool     `json:"required"`
	Type     Type     `json:"type"`
	Choices  []string `json:"choices,omitempty"` // of a [Choice]
	Unit     string   `json:"unit,omitempty"`    // of a [Number]: what is counted
	Least    string   `json:"least,omitempty"`   // of a number, a size or a duration: the smallest that is taken, as it would be written
	Most     string   `json:"most,omitempty"`    // likewise: the largest; none if nothing bounds it
	Default  string   `json:"default,omitempty"` // what stands where it is missing, as it would be written
	Missing  string   `json:"missing,omitempty"` // what holds where it is missing, if nobody could write that
	Example  string   `json:"example"`           // as it is written
	Text     string   `json:"text"`              // what it is for; half a sentence
}

// A Shape is what may stand in one kind of block.
type Shape struct {
	Text       string // what the block is for; half a sentence
	Attributes []Attribute
	Blocks     []hcl.BlockHeaderSchema
	// Others are attributes that go by another name here than in blocks of the same kind.
	Others map[string]string
	// Later are names that the design has and this version has not; each may be an attribute or a block.
	Later       []string
	LaterBlocks []hcl.BlockHeaderSchema // the same, with labels
}

// Content takes a body apart by its shape. Unknown names are hcl's own faults, with a suggestion; known ones whose
// time has not come are ours, and do not appear in what is returned.
func (l *Reader) Content(body hcl.Body, s Shape) *hcl.BodyContent {
	schema := &hcl.BodySchema{Blocks: append([]hcl.BlockHeaderSchema(nil), s.Blocks...)}
	for _, a := range s.Attributes {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: a.Name, Required: a.Required})
	}
	later := map[string]bool{}
	for name := range s.Others {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, name := range s.Later {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name})
		later[name] = true
	}
	for _, b := range s.LaterBlocks {
		schema.Blocks = append(schema.Blocks, b)
		later[b.Type] = true
	}
	content, diags := body.Content(schema)
	l.Add(diags)
	for name, attr := range content.Attributes {
		if later[name] {
			notYet(l, name, attr.NameRange)
			delete(content.Attributes, name)
		}
		if here := s.Others[name]; here != "" {
			l.Fault(attr.NameRange, "Unsupported argument", "An argument named %q is not expected here; it is called %s.", name, here)
			delete(content.Attributes, name)
		}
	}
	blocks := content.Blocks[:0]
	for _, b := range content.Blocks {
		if later[b.Type] {
			notYet(l, b.Type, b.DefRange)
			continue
		}
		blocks = append(blocks, b)
	}
	content.Blocks = blocks
	return content
}

func notYet(l *Reader, name string, at hcl.Range) {
	l.Fault(at, "Not supported yet", "%s is not supported by this version yet. Remove it, so that nobody relies on it.", name)
}

// Single returns the one block of a type that may stand only once, or nil.
func (l *Reader) Single(blocks hcl.Blocks, kind string) *hcl.Block {
	var first *hcl.Block
	for _, b := range blocks {
		switch {
		case b.Type != kind:
		case first == nil:
			first = b
		default:
			l.Fault(b.DefRange, "Duplicate "+kind+" block", "There can be only one %s block, and it is at %s.", kind, Place(first.DefRange))
		}
	}
	return first
}

// OfType are the blocks of a type.
func OfType(blocks hcl.Blocks, kind string) hcl.Blocks {
	var out hcl.Blocks
	for _, b := range blocks {
		if b.Type == kind {
			out = append(out, b)
		}
	}
	return out
}
