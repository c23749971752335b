package config

import (
	"strings"

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

// Counted says how much there is to plan: "3 stacks, 1 glob of stacks and 1 image". How many stacks a glob makes the repository says.
func (c *Config) Counted() string {
	stacks, images := c.Counts()
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{{stacks, "stack", "stacks"}, {len(c.StackGlobs), "glob of stacks", "globs of stacks"}, {images, "image", "images"}} {
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
