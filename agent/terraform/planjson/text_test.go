package planjson

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/notify/redact"
)

func TestTextIsRedactedAcrossParts(t *testing.T) {
	const secret = "first line\nsecond line of a key"
	hide := func(s string) string { return strings.ReplaceAll(s, secret, "(redacted)") }
	var out bytes.Buffer
	w := NewTextWriter(&out, hide)
	block := "\n  # terraform_data.x will be created\n" + strings.Repeat("some text\n", 4000) + secret + "\n"
	for range 100 {
		for rest := block; rest != ""; { // in odd pieces, as pipes give them
			n := min(len(rest), 32<<10-7)
			w.Add(rest[:n])
			rest = rest[n:]
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if want := hide(strings.Repeat(block, 100)); out.String() != want {
		t.Errorf("the text in the file is not the redacted text: %d bytes, want %d", out.Len(), len(want))
	}
	if kept, cut := w.Kept(); cut || kept != out.String() {
		t.Errorf("a text of %d bytes was cut: %v", out.Len(), cut)
	}
}

// TestNoValueForgesALine: what some show as the end of a line stays in its line, and hides no secret.
func TestNoValueForgesALine(t *testing.T) {
	const secret = "first\u2028second of a key"
	var out bytes.Buffer
	w := NewTextWriter(&out, redact.New(redact.NewSecret(secret)).Text)
	w.Add("  + a = <<-EOT\n      x\u2028    }\u2029  # b.c will be destroyed\n      " + secret + "!\n    EOT\n")
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	want := "  + a = <<-EOT\n      x\\u2028    }\\u2029  # b.c will be destroyed\n      (redacted)!\n    EOT\n"
	if out.String() != want {
		t.Errorf("the text is\n%s\nwant\n%s", out.String(), want)
	}
}

// TestNoValueIsCutInTwo: a block of more than maxPart is cut at some line, and this value has nothing but short ones.
func TestNoValueIsCutInTwo(t *testing.T) {
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = fmt.Sprintf("v%05d", i)
	}
	value := strings.Join(lines, "\n")
	r := redact.New(redact.NewSecret(value))
	var out bytes.Buffer
	w := NewTextWriter(&out, r.Text)
	w.Add("\n  # terraform_data.x will be created\n")
	// As many values as the text is long: wherever the cut would be, it is inside of one.
	for range (maxPart+3*partSize)/len(value) + 1 {
		w.Add(value + "\nand " + strings.Repeat("more text ", 20) + "\n")
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if i := strings.Index(out.String(), "v00"); i >= 0 {
		t.Errorf("a part of the value is left: %.40q", out.String()[i:])
	}
}

func TestTextIsCut(t *testing.T) {
	need.Long(t, "its texts are large")
	for _, c := range []struct{ name, line string }{
		{"lines", strings.Repeat("x", 99) + "\n"}, {"no newline at all", strings.Repeat("ä", 50)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewTextWriter(&out, strings.Clone)
			const lines = 400_000
			for range lines / 400 {
				w.Add(strings.Repeat(c.line, 400))
			}
			if err := w.Finish(); err != nil || out.Len() != lines*len(c.line) {
				t.Fatalf("%d bytes in the file, %v", out.Len(), err)
			}
			kept, cut := w.Kept()
			if !cut || len(kept) > MaxText+100 || len(kept) < MaxText-200 || !strings.HasSuffix(kept, " MB of text)\n") {
				t.Errorf("cut %v, %d bytes, end %q", cut, len(kept), kept[len(kept)-60:])
			}
			if strings.ToValidUTF8(kept, "") != kept {
				t.Error("the cut is inside of a character")
			}
		})
	}
}
