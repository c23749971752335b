package decode

import (
	"testing"
)

func TestMaskSource(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"token":        {`token = "abc"`, `token = "***"`},
		"call":         {`token = credential("abc")`, `token = credential("abc")`},
		"template":     {`token = "abc${env("X")}def"`, `token = "***${env("X")}***"`},
		"one line":     {"ssh { passphrase = \"abc\" }\nurl = \"x\"", "ssh { passphrase = \"***\" }\nurl = \"x\""},
		"heredoc":      {"token = <<EOT\nabc\ndef\nEOT\nx = \"abc\"\n", "token = <<EOT\n***\n***\nEOT\nx = \"abc\"\n"},
		"url":          {`url = "https://u:p@ss@host/x"`, `url = "https://******@host/x"`},
		"ssh user":     {`url = "ssh://git@host/x"`, `url = "ssh://git@host/x"`},
		"other string": {`label = "abc"`, `label = "abc"`},
		"unterminated": {"token = \"abc\n", "token = \"***\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(maskSource("x.hcl", []byte(c.in))); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
