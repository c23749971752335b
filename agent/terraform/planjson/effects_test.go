package planjson

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

// tellAll is all that a summary says, a line for each thing.
func tellAll(p store.Plan) string {
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s", strings.Join(c.Actions, "+"), c.Address)
		for _, note := range []struct {
			on   bool
			word string
		}{{c.Importing, "importing"}, {c.Unknown, "unknown"}, {c.MustName(), "must name"}, {c.Trigger != "", c.Trigger}} {
			if note.on {
				b.WriteString(", " + note.word)
			}
		}
		b.WriteString("\n")
	}
	for _, c := range p.Checks {
		fmt.Fprintf(&b, "%s %s: %s\n", c.Status, c.Address, strings.Join(c.Problems, "; "))
	}
	for _, d := range p.Deferred {
		fmt.Fprintf(&b, "deferred %s %s: %s\n", strings.Join(d.Actions, "+"), d.Address, d.Reason)
	}
	return b.String()
}

// Plans that real tools made; the file's name says which.
func TestSummaryOfRecordedPlans(t *testing.T) {
	const imports = "update terraform_data.db, importing, must name\nimport terraform_data.i, importing\n"
	const checks = "create terraform_data.a\nfail check.certificate: the certificate expires in 5 days\n"
	for file, want := range map[string]string{
		"import-terraform-1.11.4.json": imports,
		"import-tofu-1.12.6.json":      imports,
		"checks-terraform-1.11.4.json": checks,
		"checks-tofu-1.12.6.json":      checks,
		"import-terraform-1.15.6.json": imports,
		"checks-terraform-1.15.6.json": checks,
		"forget-terraform-1.15.6.json": "forget terraform_data.a\n",
		"action-terraform-1.15.6.json": "invoke action.local_command.notify, AfterCreate of terraform_data.a\ncreate terraform_data.a\n",
	} {
		t.Run(file, func(t *testing.T) {
			f, err := os.Open(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p, err := Parse(f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, tellAll(p.Summary([]string{"*.db"}, nil))); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

// What a plan says beyond what this package knows is an effect that nobody here understands: it is listed, and has to be named.
func TestUnknownEffects(t *testing.T) {
	for name, c := range map[string]struct{ plan, want string }{
		"a word for what happens to a resource": {
			`{"resource_changes":[{"address":"a.b","mode":"managed","change":{"actions":["transmogrify"]}}]}`, "transmogrify a.b, unknown, must name\n"},
		"such a word beside one that is known": {
			`{"resource_changes":[{"address":"a.b","mode":"managed","change":{"actions":["create","burn"]}}]}`, "create+burn a.b, unknown, must name\n"},
		"no word at all": {
			`{"resource_changes":[{"address":"a.b","mode":"managed","change":{}}]}`, " a.b, unknown, must name\n"},
		"such a word for a data source": {
			`{"resource_changes":[{"address":"data.a.b","mode":"data","change":{"actions":["write"]}}]}`, "write data.a.b, unknown, must name\n"},
		"a member with something in it": {`{"rocket_launches":[{"address":"rocket.a"}]}`, "unknown plan.rocket_launches, unknown, must name\n"},
		"a member that is true":         {`{"destroys_all":true}`, "unknown plan.destroys_all, unknown, must name\n"},
		"a member of a change that does nothing else": {
			`{"resource_changes":[{"address":"a.b","mode":"managed","change":{"actions":["no-op"],"exporting":{"id":"x"}}},
			{"address":"a.c","mode":"managed","change":{"actions":["create"],"exporting":{"id":"x"},"quiet":null}}]}`,
			"unknown plan.resource_changes.change.exporting, unknown, must name\ncreate a.c\n"},
		"a member of a resource's change": {
			`{"resource_drift":[{"address":"a.b","mode":"managed","rockets":1,"change":{"actions":["no-op"]}}]}`,
			"unknown plan.resource_drift.rockets, unknown, must name\n"},
		"members of a change that say what is": {
			`{"resource_changes":[{"address":"a.b","module_address":"m","index":0,"name":"b","provider_name":"p","mode":"managed","change":{"actions":["no-op"],
			"before_sensitive":{},"after_sensitive":true,"generated_config":"x","before_identity":{"a":1},"after_identity":{"a":1},"replace_paths":[["a",0]]}}]}`, ""},
		"members with nothing in them": {`{"a":null,"b":[],"c":{ },"d":"","e":false,"f":0,"g":[ ]}`, ""},
		"members that say what is":     {`{"format_version":"1.2","terraform_version":"9","variables":{"a":{}},"timestamp":"x","applyable":true,"relevant_attributes":[{"a":1}]}`, ""},
		"a replacement that leaves the old object to itself": {
			`{"resource_changes":[{"address":"a.b","mode":"managed","change":{"actions":["create","forget"]}}]}`, "create+forget a.b\n"},
		"an import that does nothing else": {
			`{"resource_changes":[{"address":"a.b","mode":"managed","change":{"actions":["no-op"],"importing":{"id":"x"}}}]}`, "import a.b, importing\n"},
		"a check that nobody could look at": {
			`{"checks":[{"address":{"to_display":"check.a"},"status":"error","instances":[{"address":{"to_display":"check.a"},"status":"error","problems":[{"message":"no answer"}]}]}]}`,
			"error check.a: no answer\n"},
		"a check of an unknown status, without instances": {`{"checks":[{"address":{"to_display":"check.a"},"status":"sinking"}]}`, "sinking check.a: \n"},
		"checks that hold, or may": {
			`{"checks":[{"address":{"to_display":"check.a"},"status":"pass"},{"address":{"to_display":"check.b"},"status":"unknown"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(strings.NewReader(c.plan))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, tellAll(p.Summary(nil, nil))); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

// Two plans with the same resources are not the same plan if one of them invokes something else, or has more in it that nobody
// understands.
func TestFingerprintOfEffects(t *testing.T) {
	seen := map[string]string{}
	for _, plan := range []string{
		`{}`,
		`{"rockets":[1]}`,
		`{"rockets":[2]}`,
		`{"action_invocations":[{"address":"action.a.b","config_values":{"c":1}}]}`,
		`{"action_invocations":[{"address":"action.a.b","config_values":{"c":2}}]}`,
		`{"action_invocations":[{"address":"action.a.b","config_values":{"c":1},"lifecycle_action_trigger":{"triggering_resource_address":"a.b","action_trigger_event":"AfterCreate"}}]}`,
		`{"action_invocations":[{"address":"action.a.b","config_values":{"c":1},"lifecycle_action_trigger":{"triggering_resource_address":"a.b","action_trigger_event":"BeforeCreate"}}]}`,
	} {
		p, err := Parse(strings.NewReader(plan))
		if err != nil {
			t.Fatal(err)
		}
		s := p.Summary(nil, nil)
		if other, same := seen[s.Fingerprint]; same {
			t.Errorf("%s and %s are the same plan", plan, other)
		}
		seen[s.Fingerprint] = plan
	}
}

// What a check says is the configuration's own text: it holds no secret, and is not endless.
func TestHideChecks(t *testing.T) {
	p := store.Plan{
		Checks:   []store.FailedCheck{{Address: "check.hunter2", Problems: []string{"it is hunter2", strings.Repeat("x", 5000)}}},
		Deferred: []store.Deferred{{Address: "a.hunter2"}},
		Changes:  []store.Change{{Address: "action.a.b", Actions: []string{"invoke"}, Trigger: "AfterCreate of a.hunter2", Values: "v"}},
	}
	Hide(&p, func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") })
	if c := p.Checks[0]; c.Address != "check.***" || c.Problems[0] != "it is ***" || len([]rune(c.Problems[1])) != maxProblem {
		t.Errorf("check: %s, %q, %d characters", c.Address, c.Problems[0], len(c.Problems[1]))
	}
	if c := p.Changes[0]; p.Deferred[0].Address != "a.***" || c.Trigger != "AfterCreate of a.***" || c.Values == "v" {
		t.Errorf("deferred %+v, change %+v", p.Deferred[0], c)
	}
}
