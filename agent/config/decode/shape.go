package decode

import "github.com/hashicorp/hcl/v2"

// An Attribute is one that may stand in a kind of block.
type Attribute struct {
	Name     string
	Required bool
	Text     string // what it is for, and what stands where it is missing; half a sentence
}

// A Shape is what may stand in one kind of block.
type Shape struct {
	Attributes []Attribute
	Blocks     []hcl.BlockHeaderSchema
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
