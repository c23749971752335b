package hclfile

import (
	"sallyport/agent/need"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Each of these ended the whole program, or took gigabytes: a stack overflow is nothing that can be recovered from.
func TestWhatIsNotParsed(t *testing.T) {
	need.Long(t, "its files are large")
	const many = 100_000
	for name, c := range map[string]struct {
		file, text string
		want       error
	}{
		"brackets":                           {"x.tf", "a = " + strings.Repeat("[", many), ErrTooDeep},
		"closed brackets":                    {"x.tf", "a = " + strings.Repeat("[", many) + strings.Repeat("]", many), ErrTooDeep},
		"parentheses on lines":               {"x.tf", "a = " + strings.Repeat("(\n", many/2), ErrTooDeep},
		"blocks":                             {"x.tf", strings.Repeat("a {\n", many/2), ErrTooDeep},
		"objects":                            {"x.tf", "a = " + strings.Repeat("{ b = ", many/4), ErrTooDeep},
		"for expressions":                    {"x.tf", "a = " + strings.Repeat("{ for\n", many/2), ErrTooDeep},
		"templates":                          {"x.tf", "a = " + strings.Repeat(`"${`, many/4), ErrTooDeep},
		"directives":                         {"x.tf", `a = "` + strings.Repeat("%{if a}", many/8), ErrTooDeep},
		"directives in a text":               {"x.tf", "a = <<E\n" + strings.Repeat("%{if a}\n", many/8) + "E\n", ErrTooDeep},
		"negations":                          {"x.tf", "a = " + strings.Repeat("!", many) + "b", ErrTooDeep},
		"sums":                               {"x.tf", "a = 1" + strings.Repeat("+1", many/2), ErrTooDeep},
		"indices":                            {"x.tf", "a = b" + strings.Repeat("[0]", many/4), ErrTooDeep},
		"conditions":                         {"x.tf", "a = " + strings.Repeat("b ? c : ", many/4) + "b", ErrTooDeep},
		"conditions on lines of parentheses": {"x.tf", "a = (" + strings.Repeat("b ?\nc :\n", many/6) + "b)", ErrTooDeep},
		"wrong ends":                         {"x.tf", "a = " + strings.Repeat("([)", many/4), ErrTooDeep},
		"words":                              {"x.tf", strings.Repeat("a\n", MaxWords), ErrTooMuch},
		"signs":                              {"x.tf", "a = [" + strings.Repeat("1,", MaxWords) + "]", ErrTooMuch},
		"brackets in JSON":                   {"x.tf.json", `{"a":` + strings.Repeat("[", many) + strings.Repeat("]", many) + "}", ErrNoJSON},
		"strings in JSON":                    {"x.tf.json", "[" + strings.Repeat(`"",`, MaxWords) + `""]`, ErrTooMuch},
		"no JSON":                            {"x.tf.json", "{\"a\n\": [", ErrNoJSON},
	} {
		t.Run(name, func(t *testing.T) {
			if file, diags := Parse([]byte(c.text), c.file); file != nil || !strings.Contains(diags.Error(), c.want.Error()) {
				t.Errorf("the file was parsed, or refused for another reason: %v", diags)
			}
		})
	}
}

// Long files of people and of generators are no such thing.
func TestWhatIsParsed(t *testing.T) {
	need.Long(t, "its files are large")
	const many = 8_000
	for name, c := range map[string]struct{ file, text string }{
		"many blocks":     {"x.tf", strings.Repeat("resource \"a\" \"b\" {\n  c = d.e[0] ? !f : -1\n}\n", many)},
		"a long list":     {"x.tf", "a = [\n" + strings.Repeat("  \"x\",\n", many) + "]\n"},
		"a long object":   {"x.tf", "a = {\n" + strings.Repeat("  x = \"${y}-${z}\"\n", many) + "}\n"},
		"a long text":     {"x.tf", "a = <<E\n" + strings.Repeat("  [some] (words) ${a}\n", many/10) + "E\n"},
		"rows of a table": {"x.tf", "a = [\n" + strings.Repeat("  { x = 1, y = -2 },\n", many) + "]\n"},
		"JSON":            {"x.tf.json", `{"locals": [` + strings.Repeat(`{"a": "\"[[[ text"},`, many) + `{}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, diags := Parse([]byte(c.text), c.file); diags.HasErrors() {
				t.Error(diags)
			}
		})
	}
}

// What is just let through is parsed, looked at and evaluated without harm.
func TestAtTheBound(t *testing.T) {
	need.Long(t, "its files are large")
	for name, text := range map[string]string{
		"brackets":   "a = " + strings.Repeat("[", maxNesting-2) + strings.Repeat("]", maxNesting-2) + "\n",
		"negations":  "a = " + strings.Repeat("!", maxNesting-3) + "true\n",
		"sums":       "a = 1" + strings.Repeat("+1", maxNesting/2-2) + "\n",
		"conditions": "a = " + strings.Repeat("true ? 1 : ", maxNesting/4-2) + "1\n",
		"blocks":     strings.Repeat("a {\n", maxNesting/2) + strings.Repeat("}\n", maxNesting/2),
	} {
		t.Run(name, func(t *testing.T) {
			file, diags := Parse([]byte(text), "x.tf")
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			body := file.Body.(*hclsyntax.Body)
			if a := body.Attributes["a"]; a != nil {
				if _, diags := a.Expr.Value(&hcl.EvalContext{}); diags.HasErrors() {
					t.Error(diags)
				}
			}
		})
	}
}
