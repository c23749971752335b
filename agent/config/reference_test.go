package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
	"sallyport/agent/need"
)

// Whoever adds an attribute says what it is for, and whoever adds a block gives it a place in the reference.
func TestReferenceIsComplete(t *testing.T) {
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
			for what, text := range map[string]string{"purpose": a.Text, "type": string(a.Type), "example": a.Example} {
				if strings.TrimSpace(text) == "" || strings.HasSuffix(text, ".") {
					t.Errorf("%s %s: the %s is %q", b.Path, a.Name, what, text)
				}
			}
			if (a.Type == decode.Number) != (a.Unit != "") || (a.Type == decode.Choice) != (len(a.Choices) > 1) {
				t.Errorf("%s %s: a number has a unit, a choice has words: %+v", b.Path, a.Name, a)
			}
			if bounded := a.Type == decode.Number || a.Type == decode.Size; bounded && (a.Least == "" || a.Most == "") || !bounded && a.Most != "" {
				t.Errorf("%s %s: a number and a size have a least and a most: %+v", b.Path, a.Name, a)
			}
			// api_url is for tests and for those who have a proxy in front of Slack.
			if a.Name != "api_url" && !regexp.MustCompile(`\b`+a.Name+`\b`).MatchString(sample) {
				t.Errorf("%s %s is not in the sample, which has every attribute", b.Path, a.Name)
			}
		}
	}
	for path, blocks := range shape.Nested() {
		for _, b := range blocks {
			if inner := strings.TrimSpace(path + " " + b.Type); !listed[inner] {
				t.Errorf("block %q is not in the reference", inner)
			}
		}
	}
}

// companions are what an attribute has to stand beside, by block and name; "" stands for each attribute of the block.
var companions = map[string]string{
	"repository url":                        "ssh {\n  key_file = \"@DIR@/deploy_key\"\n  known_hosts_file = \"@DIR@/known_hosts\"\n}",
	"repository token":                      `url = "https://git.example.com/ops/infra.git"`,
	"repository username":                   "url = \"https://git.example.com/ops/infra.git\"\ntoken = credential(\"passphrase\")",
	"repository ca_file":                    `url = "https://git.example.com/ops/infra.git"`,
	"repository modules_from":               "url = \"https://git.example.com/ops/infra.git\"\ntoken = credential(\"passphrase\")",
	"repository require_review":             "url = \"file:///srv/infra.git\"\ngithub {\n  repository = \"ops/infra\"\n  token = credential(\"passphrase\")\n}",
	"repository ":                           `url = "file:///srv/infra.git"`,
	"stack name":                            `for_each = toset(["prod"])`,
	"stacks name":                           `for_each = toset(["prod"])`,
	"stack for_each":                        `workspace = each.key`,
	"stacks for_each":                       `workspace = each.key`,
	"repository github ":                    `token = credential("passphrase")`,
	"repository github lend_to_previews":    "pull_requests = \"trusted\"\ntoken = credential(\"passphrase\")",
	"metrics ":                              `listen = "127.0.0.1:9746"`,
	"metrics listen":                        `textfile = "/var/lib/node_exporter/sallyport.prom"`,
	"notify ":                               `command = ["/usr/local/bin/page"]`,
	"notify url":                            "",
	"notify headers":                        `url = "https://alerts.example.com/hooks/sallyport"`,
	"repository github secrets_to_previews": "pull_requests = \"trusted\"\ntoken = credential(\"passphrase\")",
	"repository gitlab lend_to_previews":    `merge_requests = "trusted"`,
	"repository gitlab secrets_to_previews": `merge_requests = "trusted"`,
	"repository gitea lend_to_previews":     `pull_requests = "trusted"`,
	"repository gitea secrets_to_previews":  `pull_requests = "trusted"`,
}

// around is a configuration in which a block has its place, and holds body.
func around(b shape.Block, body string) string {
	write := func(path, body string) string {
		words := strings.Fields(path)
		label := map[string]string{"repository": `"infra" `, "stack": `"ghe" `, "stacks": `"services/*" `, "image": `"node" `, "person": `"jane" `, "notify": `"pager" `}[words[0]]
		text := words[len(words)-1] + " {\n" + body + "\n}\n"
		for i := len(words) - 2; i >= 0; i-- {
			required := map[string]string{
				"repository": `url = "file:///srv/infra.git"`, "github": `repository = "ops/infra"`, "stack": `dir = "ghe"`, "image": `dir = "images"`,
			}[words[i]]
			if words[len(words)-1] == "ssh" {
				required = `url = "ssh://git@git.example.com/ops/infra.git"`
			}
			text = words[i] + " {\n" + required + "\n" + text + "}\n"
		}
		return strings.Replace(text, words[0]+" ", words[0]+" "+label, 1)
	}
	top, _, _ := strings.Cut(b.Path, " ")
	out := ""
	if b.Path == "" {
		out = body + "\n"
	} else {
		out = write(b.Path, body)
	}
	for _, rest := range []struct{ kind, text string }{
		{"repository", write("repository", `url = "file:///srv/infra.git"`)},
		{"stack", write("stack", `dir = "ghe"`)},
		{"image", write("image", `dir = "images"`)},
		{"person", write("person", "slack = \"U01ABCDEF\"\nos = \"jane\"\ngithub = \"jane\"")},
		{"slack", write("slack", "token = credential(\"slack-bot-token\")\nchannel = \"#infra\"\napprovers = [\"U01ABCDEF\", \"U01ABCDEG\"]")},
	} {
		if rest.kind != top {
			out += rest.text
		}
	}
	return out + "stack \"network\" {\n  dir = \"network\"\n}\n"
}

// body is the inside of a block in which an attribute has a value ("": none), beside what it needs.
func body(b shape.Block, a decode.Attribute, value string) string {
	beside, known := companions[b.Path+" "+a.Name]
	if !known {
		beside = companions[b.Path+" "]
	}
	lines := []string{}
	for _, line := range strings.Split(beside, "\n") {
		if !strings.HasPrefix(line, a.Name+" =") {
			lines = append(lines, line)
		}
	}
	for _, other := range b.Attributes {
		if other.Required && other.Name != a.Name && !regexp.MustCompile(`(?m)^`+other.Name+` =`).MatchString(beside) {
			lines = append(lines, other.Name+" = "+other.Example)
		}
	}
	if value != "" {
		lines = append(lines, a.Name+" = "+value)
	}
	return strings.Join(lines, "\n")
}

// lay makes the files that the examples name, below the world's directory.
func (w world) lay(t *testing.T) {
	t.Helper()
	entity, err := openpgp.NewEntity("Jane", "", "jane@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var key bytes.Buffer
	if err := entity.Serialize(&key); err != nil {
		t.Fatal(err)
	}
	for path, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"/etc/sallyport/git-ca.pem":      {read(t, filepath.Join(w.dir, "ca.pem")), 0o644},
		"/etc/sallyport/signers.asc":     {key.String(), 0o644},
		"/etc/sallyport/allowed_signers": {signers, 0o644},
		"/etc/sallyport/deploy_key":      {"key\n", 0o600},
		"/etc/sallyport/known_hosts":     {"git.example.com ssh-ed25519 AAAA\n", 0o644},
		"/etc/sallyport/github-app.pem":  {read(t, filepath.Join(w.dir, "key.pem")), 0o600},
		"/etc/sallyport/terraform.rc":    {"", 0o644},
		"/srv/terraform/providers/here":  {"", 0o644},
		"/usr/bin/terraform":             {"", 0o755},
		"/usr/bin/packer":                {"", 0o755},
		"/usr/local/bin/fetch-vars":      {"", 0o755},
		"/usr/local/bin/check-policy":    {"", 0o755},
		"/usr/local/bin/snapshot":        {"", 0o755},
		"/usr/local/bin/tell":            {"", 0o755},
		"/usr/local/bin/page":            {"", 0o755},
	} {
		w.file(t, "files"+path, file.text, file.mode)
	}
	for _, name := range []string{"git-token", "github-token", "gitlab-token", "gitea-token", "bitbucket-token", "deploy-key-passphrase", "aws-external-id", "pager-token"} {
		w.file(t, "credentials/"+name, "given-value", 0o600)
	}
}

// files are the places that the examples name.
var files = regexp.MustCompile(`"/(etc/sallyport|usr|srv/terraform)/`)

// wrong are values that are none of a type, and what the decoder has to say to them.
var wrong = map[decode.Type]struct{ value, summary string }{
	decode.String: {"[1]", "Wrong type"}, decode.Boolean: {`"perhaps"`, "Wrong type"}, decode.Number: {"1.5", "Invalid number"}, decode.ID: {"1.5", "Invalid number"},
	decode.Duration: {`"soon"`, "Invalid duration"}, decode.Size: {`"big"`, "Invalid size"}, decode.Schedule: {`"at times"`, "Invalid schedule"},
	decode.Choice: {`"nonsense"`, "Invalid value"}, decode.File: {"[1]", "Wrong type"}, decode.Secret: {"[1]", "Wrong type"},
	decode.List: {"[[1]]", "Wrong type"}, decode.Globs: {`["["]`, "Invalid glob"}, decode.Map: {"[1]", "Wrong type"},
	decode.SecretMap: {"[1]", "Wrong type"}, decode.Values: {"[1]", "Wrong type"}, decode.Command: {"[[1]]", "Wrong type"},
	decode.Objects: {"[1]", "Wrong type"}, decode.Elements: {"[1]", "Wrong type"},
}

// bounds are the least and the most that an attribute takes, and values beyond them that it does not.
func bounds(a decode.Attribute) map[string]bool {
	out := map[string]bool{}
	for text, beyond := range map[string]int{a.Least: -1, a.Most: +1} {
		if text == "" {
			continue
		}
		out[text] = true
		switch bare := strings.Trim(text, `"`); a.Type {
		case decode.Number:
			n, _ := strconv.Atoi(text)
			out[strconv.Itoa(n+beyond)] = false
		case decode.Duration:
			d, _ := time.ParseDuration(bare)
			out[fmt.Sprintf("%q", d+time.Duration(beyond)*time.Millisecond)] = false
		case decode.Size: // in the unit below
			n, _ := strconv.Atoi(bare[:len(bare)-2])
			unit := map[string]string{"MB": "KB", "GB": "MB"}[bare[len(bare)-2:]]
			out[fmt.Sprintf(`"%d%s"`, n*1024+beyond, unit)] = false
		}
	}
	return out
}

// What the reference says of each attribute the decoder agrees with: it reads it, as that type; the example is right; the default and its
// absence are the same; and of words it takes those that are listed.
func TestReferenceIsWhatIsDecoded(t *testing.T) {
	need.Long(t, "it decodes a configuration for each attribute there is")
	w := newWorld(t)
	w.lay(t)
	try := func(b shape.Block, a decode.Attribute, value string) (*Config, string, error) {
		text := files.ReplaceAllString(around(b, body(b, a, value)), `"`+w.dir+`/files/$1/`)
		cfg, err := Load(w.config(t, "sallyport.hcl", text), w.opts)
		return cfg, text, err
	}
	for _, b := range shape.Reference() {
		for _, a := range b.Attributes {
			name := strings.TrimSpace(b.Path + " " + a.Name)
			example, text, err := try(b, a, a.Example)
			if err != nil {
				t.Errorf("%s = %s: %v\n%s", name, a.Example, err, text)
				continue
			}
			bad, known := wrong[a.Type]
			if _, _, err := try(b, a, bad.value); !known || err == nil || !strings.Contains(err.Error(), ": "+bad.summary+": ") {
				t.Errorf("%s = %s is no %s, and the decoder says: %v", name, bad.value, a.Type, err)
			}
			for value, taken := range bounds(a) {
				_, _, err := try(b, a, value)
				if refused := err != nil && strings.Contains(err.Error(), ": "+bad.summary+": "); refused == taken {
					t.Errorf("%s = %s: taken %t, and the decoder says: %v", name, value, taken, err)
				}
			}
			for _, word := range a.Choices {
				if _, _, err := try(b, a, fmt.Sprintf("%q", word)); err != nil {
					t.Errorf("%s = %q: %v", name, word, err)
				}
			}
			if a.Required {
				continue
			}
			without, _, err := try(b, a, "")
			if err != nil && a.Name == "for_each" && strings.Contains(err.Error(), "Misplaced each") {
				continue // what it stands beside here needs it
			}
			if err != nil && name != "notify url" && name != "notify command" && name != "repository github token" && name != "repository require_signed openpgp_keys" && name != "repository require_signed allowed_signers" {
				t.Errorf("without %s: %v", name, err)
				continue
			}
			if a.Default == "" || reflect.DeepEqual(example, without) {
				if a.Default != "" {
					t.Errorf("%s = %s changes nothing: it is no example", name, a.Example)
				}
				continue
			}
			if same, _, err := try(b, a, a.Default); err != nil || !reflect.DeepEqual(same, without) {
				t.Errorf("%s: the default is not %s: %v", name, a.Default, err)
			}
		}
	}
}
