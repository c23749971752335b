package config

import (
	"regexp"
	"strings"
	"testing"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
)

// Whoever adds an attribute says what it is for, and whoever adds a block gives it a place in the reference.
func TestReferenceIsComplete(t *testing.T) {
	t.Parallel()
	sample := read(t, "../../configs/sallyport.hcl")
	listed := map[string]bool{}
	for _, b := range shape.Reference() {
		if listed[b.Path] {
			t.Errorf("block %q is listed twice", b.Path)
		}
		listed[b.Path] = true
		names := map[string]bool{}
		for _, a := range b.Attributes {
			if names[a.Name] {
				t.Errorf("%s %s is listed twice", b.Path, a.Name)
			}
			names[a.Name] = true
			if strings.TrimSpace(a.Text) == "" || strings.HasSuffix(a.Text, ".") {
				t.Errorf("%s %s: nobody learns what it is for from %q", b.Path, a.Name, a.Text)
			}
			// api_url is for tests and for those who have a proxy in front of Slack.
			if a.Name != "api_url" && !regexp.MustCompile(`\b`+a.Name+`\b`).MatchString(sample) {
				t.Errorf("%s %s is not in the sample, which has every attribute", b.Path, a.Name)
			}
		}
	}
	nested := map[string]decode.Shape{
		"": shape.Root(), "repository": shape.Repository(), "repository github": shape.GitHub(),
		"stack": shape.Stack(), "stacks": shape.Stacks(),
	}
	for path, shape := range nested {
		for _, b := range shape.Blocks {
			if inner := strings.TrimSpace(path + " " + b.Type); !listed[inner] {
				t.Errorf("block %q is not in the reference", inner)
			}
		}
	}
}
