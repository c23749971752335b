package operator

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/stack"
	"sallyport/agent/stack/declared"
	"sallyport/agent/stack/stacktest"
	"sallyport/store"
)

func applied(id int, status store.Status, changes ...store.Change) *store.Run {
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	return &store.Run{ID: id, Stack: "box", Status: status, Apply: &store.Apply{StartedAt: at}, Plan: &store.Plan{Changes: changes}}
}

func change(address string, actions ...string) store.Change {
	return store.Change{Address: address, Actions: actions}
}

// A slip of the hand is refused, with what there is; what nobody can tell is refused only where a run would be lost for it.
func TestResourcesThatAreAskedFor(t *testing.T) {
	root, err := declared.Read(stacktest.TreeOf(t, map[string]string{"box/main.tf": `
resource "aws_instance" "node" {}
resource "aws_instance" "each" { for_each = toset(["a", "b"]) }
module "far" { source = "hashicorp/consul/aws" }
`}), stack.Definition{Dir: "box"})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"aws_instance.gone": true, `aws_instance.each["a"]`: true, "module.far.aws_x.y": true}
	waiting := &store.Run{ID: 7, Stack: "box", Status: store.Planned, Plan: &store.Plan{Changes: []store.Change{change(`aws_instance.each["c"]`, "create")}}}
	for name, tt := range map[string]struct {
		address string
		open    *store.Run
		unsure  bool // there may be more in the state than is known
		want    string
	}{
		"it is declared":                  {address: "aws_instance.node", open: waiting},
		"it is in the state alone":        {address: "aws_instance.gone", open: waiting},
		"in a module from elsewhere":      {address: "module.far.aws_x.y", open: waiting},
		"an instance":                     {address: `aws_instance.each["a"]`, open: waiting},
		"a slip":                          {address: "aws_instance.nod", want: "stack box has no aws_instance.nod to replace, neither at commit 0123456789 nor in its state; it has aws_instance.each, aws_instance.node; sallyport exec"},
		"a key of what has none":          {address: "aws_instance.node[0]", want: "nor in its state: aws_instance.node has neither count nor for_each, so that it has no key"},
		"another key":                     {address: `aws_instance.each["z"]`, want: `stack box has no aws_instance.each["z"] to replace in its state; its instances are: aws_instance.each["a"]; sallyport exec`},
		"perhaps another key":             {address: `aws_instance.each["b"]`, unsure: true},
		"perhaps, and a plan waits":       {address: `aws_instance.each["b"]`, unsure: true, open: waiting, want: `nobody can tell from here whether stack box has aws_instance.each["b"] (only a plan knows its keys), and #7 would be superseded for it`},
		"a module from elsewhere, unseen": {address: "module.far.aws_x.z"},
		"the same, and a plan waits":      {address: "module.far.aws_x.z", open: waiting, want: "the source of module.far is not in this repository"},
		"it waits to be created":          {address: `aws_instance.each["c"]`, open: waiting},
		"no address":                      {address: "aws_instance", want: `"aws_instance" is not the address of a resource`},
		"data":                            {address: "data.aws_ami.x", want: "is of something that terraform reads"},
		"written in another way":          {address: `aws_instance.each[ "a" ]`, want: `write it as aws_instance.each["a"]`},
	} {
		t.Run(name, func(t *testing.T) {
			q := wished{stack: &config.Stack{Name: "box"}, commit: "0123456789abcdef", open: tt.open, redact: func(s string) string { return s }}
			err := q.resource(root, knownState{known, !tt.unsure}, tt.address)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error()+"; "+hint.Of(err), tt.want)):
				t.Errorf("%v; %s\nwant %s", err, hint.Of(err), tt.want)
			}
		})
	}
}

func TestVariablesThatAreGiven(t *testing.T) {
	types := map[string]string{"size": "number", "list": "list(string)"}
	for name, tt := range map[string]struct {
		vars  map[string]string
		more  bool // there may be others
		waits bool
		want  string
	}{
		"declared":               {vars: map[string]string{"size": "3", "list": `["a"]`}},
		"a slip":                 {vars: map[string]string{"sizes": "hunter2"}, want: `the root module has no variable "sizes"; it declares: list, size`},
		"no expression":          {vars: map[string]string{"list": `["hunter2`}, want: `the value given for the variable "list" of type list(string) is no expression`},
		"perhaps":                {vars: map[string]string{"sizes": "3"}, more: true},
		"perhaps, and one waits": {vars: map[string]string{"sizes": "3"}, more: true, waits: true, want: "#7 would be superseded for it"},
	} {
		t.Run(name, func(t *testing.T) {
			q := wished{stack: &config.Stack{Name: "box"}, Request: Request{Wish: PlanWish{Vars: tt.vars}}}
			if tt.waits {
				q.open = &store.Run{ID: 7}
			}
			err := q.variables("the root module", types, !tt.more)
			said := ""
			if err != nil {
				said = err.Error() + "; " + hint.Of(err)
			}
			if (tt.want == "") != (err == nil) || !strings.Contains(said, tt.want) || strings.Contains(said, "hunter2") {
				t.Errorf("%q, want %q", said, tt.want)
			}
			var usage *control.Error
			if errors.As(err, &usage) {
				t.Errorf("it was understood: %v", err)
			}
		})
	}
}

// What is known of a state is the copy from before the last apply, and what was applied since.
func TestWhatIsKnownOfAState(t *testing.T) {
	data := t.TempDir()
	state := `{"version": 4, "serial": 3, "lineage": "l", "resources": [
		{"mode": "managed", "type": "a", "name": "old", "instances": [{}]}, {"mode": "managed", "type": "a", "name": "stays", "instances": [{}]},
		{"mode": "managed", "type": "a", "name": "before", "instances": [{}]}]}`
	if err := archive.KeepState(data, "box", archive.BeforeApply(5), []byte(state)); err != nil {
		t.Fatal(err)
	}
	open := &store.Run{ID: 7, Stack: "box", Status: store.Planned, Plan: &store.Plan{Changes: []store.Change{change("a.new", "create"), change("a.found", "update")}}}
	moved := change("a.after", "no-op")
	moved.Previous = "a.before"
	q := wished{stack: &config.Stack{Name: "box"}, open: open, runs: []*store.Run{
		open, {ID: 6, Stack: "box", Status: store.Discarded, Plan: &store.Plan{Changes: []store.Change{change("a.never", "create")}}},
		applied(5, store.Applied, change("a.old", "delete"), change("a.made", "create"), moved),
		applied(4, store.Applied, change("a.long-gone", "create")),
	}}
	known, err := q.inState(data)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"a.old": false, "a.stays": true, "a.made": true, "a.new": false, "a.found": true, "a.never": false, "a.long-gone": false, "a.before": false, "a.after": true,
	} {
		if known.has[address] != want {
			t.Errorf("%s: %v, want %v", address, known.has[address], want)
		}
	}
	if !known.whole {
		t.Error("there may be others")
	}
	// What a person did to the state by hand is not known.
	if err := archive.KeepState(data, "box", archive.BeforeRepair(7, time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)), []byte(state)); err != nil {
		t.Fatal(err)
	}
	if known, err = q.inState(data); err != nil || known.whole {
		t.Errorf("%+v, %v", known, err)
	}
}

// A stack without images is said to have none, and not to have these: none.
func TestImagesThatAreAskedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		stack config.Stack
		want  string
	}{
		"of a stack without any": {config.Stack{Name: "box"}, "it runs on none"},
		"of one with others":     {config.Stack{Name: "box", Images: []config.ImageVar{{Image: "node"}}}, "its images are: node"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := ownImages(map[string]string{"a": "b"}, &tt.stack); err == nil || !strings.Contains(hint.Of(err), tt.want) {
				t.Errorf("%v, hint %q, want %q", err, hint.Of(err), tt.want)
			}
		})
	}
}
