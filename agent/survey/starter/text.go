package starter

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// draft is what a configuration is written from.
type draft struct {
	origin origin
	place  place
	stacks found
	kept   string // the directory for the data and the socket; empty: the usual ones
}

// quote is a string as a configuration has it.
func quote(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

// render is the configuration.
func render(d draft) string {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line("# Written by sallyport init. Look for EDIT; then: sallyport check, sallyport doctor, sallyport agent.")
	line("# What else can stand here: sallyport help config")
	line("")
	if d.kept != "" {
		line("data_dir = " + quote(filepath.Join(d.kept, "sallyport-data")))
		line("socket = " + quote(filepath.Join(d.kept, "sallyport.sock")))
		line("")
	}
	line("repository " + quote(d.origin.name) + " {")
	if d.place.beside != "" {
		line("# EDIT: the checkout is polled. In its place, once this machine may read it:")
		line("# url = " + quote(d.place.beside))
		access(line, d.origin.scheme, "# ")
	}
	line("url = " + quote(d.place.url))
	line("branch = " + quote(d.origin.branch))
	if d.place.beside == "" {
		access(line, d.origin.scheme, "")
	}
	line("}")
	for _, g := range d.stacks.globs {
		line("")
		line("stacks " + quote(g.parent+"/*") + " {")
		if len(g.exclude) > 0 {
			var none []string
			for _, dir := range g.exclude {
				none = append(none, quote(dir))
			}
			line("exclude = [" + strings.Join(none, ", ") + "]")
		}
		line("}")
	}
	for _, s := range d.stacks.single {
		line("")
		line("stack " + quote(s.name) + " {")
		line("dir = " + quote(s.dir))
		line("# protect = [\"aws_db_instance.*\"] # EDIT: what an approval has to name before it is destroyed or replaced")
		line("}")
	}
	line("")
	line("# EDIT: without it people are asked on the command line alone.")
	line("# slack {")
	line("#   token     = credential(\"slack-bot-token\")")
	line("#   channel   = \"#infra\"")
	line("#   approvers = [\"you@example.com\"]")
	line("# }")
	return string(hclwrite.Format([]byte(b.String())))
}

// access is what a repository's address needs to be read, as a comment where it is not known yet.
func access(line func(string), scheme, mark string) {
	switch scheme {
	case "ssh":
		line(mark + "ssh {")
		line(mark + "  key_file = \"" + usual + "/deploy_key\" # without write access; chmod 0600")
		line(mark + "  known_hosts_file = \"" + usual + "/known_hosts\"")
		line(mark + "}")
	case "https", "http":
		line("# token = credential(\"git-token\") # EDIT: if it is not public")
	}
}
