package packer

import (
	"errors"
	"strings"
	"testing"
)

// What packer 1.6 says, as it says it. The first line of the error is what is shown where there is room for one only.
func TestCause(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, said, cause string }{
		{"HCL that lacks something", "Error: 1 error(s) occurred:\n\n* target required\n\n  on bad.pkr.hcl line 1:\n  (source code not available)", "target required"},
		{"JSON that lacks something", "Error: Failed to prepare build: \"file\"\n\n1 error(s) occurred:\n\n* target required", `Failed to prepare build: "file": target required`},
		{"an unknown builder", "Error: Failed to initialize build \"nosuch\"\n\nerror initializing builder 'nosuch': Unknown builder nosuch",
			`Failed to initialize build "nosuch": error initializing builder 'nosuch': Unknown builder nosuch`},
		{"an unknown source", "Error: Unknown source type nosuch\n\n  on n.pkr.hcl line 1:\n  (source code not available)\n\nknown builders: [a b]", "Unknown source type nosuch"},
		{"an older version's words", "Template validation failed. Errors are shown below.\n\nErrors validating build 'x'. 1 error(s) occurred:\n\n* Bad script",
			"Template validation failed. Errors are shown below.: Errors validating build 'x'. 1 error(s) occurred: Bad script"},
		{"no JSON", "Failed to parse template: Error parsing JSON: unexpected end of JSON input\nAt line 2, column 1", "Failed to parse template: Error parsing JSON: unexpected end of JSON input"},
		{"nothing that is known", "it is odd", "it is odd"},
		{"only an announcement", "1 error(s) occurred:", "1 error(s) occurred:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Cause(test.said); got != test.cause {
				t.Errorf("%q, want %q", got, test.cause)
			}
			err := &Error{Op: "validate", Text: test.said}
			first, _, _ := strings.Cut(err.Error(), "\n")
			if first != "packer validate: "+test.cause || !strings.Contains(err.Error(), strings.TrimSpace(test.said)) {
				t.Errorf("the error is\n%s", err)
			}
		})
	}
	if text := (&Error{Op: "version", Err: errors.New("gone")}).Error(); text != "packer version: gone" {
		t.Errorf("without words of packer's: %q", text)
	}
}
