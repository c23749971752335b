package config

import (
	"fmt"
	"strings"

	"sallyport/agent/config/naming"
	"sallyport/notify/words"
)

// Counts are how many stack blocks there are, and how many images.
func (c *Config) Counts() (stacks, images int) {
	for _, s := range c.Stacks {
		if s.Engine == EnginePacker {
			images++
		}
	}
	return len(c.Stacks) - images, images
}

// Globs are how many stacks blocks there are.
func (c *Config) Globs() int {
	n := 0
	for i, g := range c.StackGlobs {
		if i == 0 || !c.StackGlobs[i-1].SameBlock(g) {
			n++
		}
	}
	return n
}

// An Environment is a block with for_each and what it makes.
type Environment struct {
	Block  string   `json:"block"`  // as people call it: stack "ghe"
	Keys   []string `json:"keys"`   // of its for_each
	Stacks []string `json:"stacks"` // their names; of a stacks block DIR stands for the directories that it matches
}

// Environments are the blocks with for_each, in the order in which they were read.
func (c *Config) Environments() []Environment {
	out, at := []Environment{}, map[string]int{}
	note := func(place, block, key, name string) {
		if key == "" {
			return
		}
		i, known := at[place]
		if !known {
			i, at[place] = len(out), len(out)
			out = append(out, Environment{Block: block})
		}
		out[i].Keys, out[i].Stacks = append(out[i].Keys, key), append(out[i].Stacks, name)
	}
	for _, e := range c.Elements {
		note(e.At, e.Block, e.Key, e.Name)
	}
	for _, g := range c.StackGlobs {
		name := naming.OfKey(g.Stack.Repository, "DIR", g.Key)
		if s, err := g.StackFor("DIR"); err == nil {
			name = s.Name
		}
		note(g.Block, fmt.Sprintf("stacks %q", g.Glob), g.Key, name)
	}
	return out
}

// An Element is a stack of a stack block with for_each.
type Element struct{ At, Block, Key, Name string }

// Counted says how much there is to plan: "3 stacks, 1 glob of stacks and 1 image". How many stacks a glob makes the repository says.
func (c *Config) Counted() string {
	stacks, images := c.Counts()
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{{stacks, "stack", "stacks"}, {c.Globs(), "glob of stacks", "globs of stacks"}, {images, "image", "images"}} {
		if part.n > 0 {
			parts = append(parts, words.CountOf(part.n, part.one, part.many))
		}
	}
	switch n := len(parts); n {
	case 0:
		return "no stacks"
	case 1:
		return parts[0]
	default:
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
}
