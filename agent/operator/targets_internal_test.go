package operator

import (
	"slices"
	"strings"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/stack"
	"sallyport/agent/stack/declared"
	"sallyport/agent/stack/stacktest"
	"sallyport/store"
)

// What a plan of some addresses only cannot be at the same time is refused, with what to do instead; what it can be is not.
func TestWhatTargetsGoWith(t *testing.T) {
	for name, tt := range map[string]struct {
		wish PlanWish
		want string
	}{
		"alone":               {PlanWish{}, ""},
		"a replacement":       {PlanWish{Replace: []string{"a.b"}}, ""},
		"a commit":            {PlanWish{Commit: "1a2b3c4"}, ""},
		"values and images":   {PlanWish{Vars: map[string]string{"size": "1"}, Images: map[string]string{"base": "ami-1"}}, ""},
		"destroy":             {PlanWish{Destroy: true}, "--target and --destroy do not go together; --destroy is of everything; to destroy one object take it out"},
		"refresh only":        {PlanWish{RefreshOnly: true}, "--target and --refresh-only do not go together"},
		"another state":       {PlanWish{EmptyState: true}, "--target and --empty-state do not go together"},
		"too many":            {PlanWish{Targets: slices.Repeat([]string{"a.b"}, maxTargets)}, "--target has more than 50 addresses"},
		"an option":           {PlanWish{Targets: []string{"-destroy"}}, `"-destroy" is not the address of a resource`},
		"a line break":        {PlanWish{Targets: []string{"a.b\nc"}}, "is not the address of a resource"},
		"nothing":             {PlanWish{Targets: []string{""}}, `"" is not the address of a resource`},
		"for an image's file": {PlanWish{Targets: []string{"a.b"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.wish.Targets = append([]string{`module.net["a b"]`}, tt.wish.Targets...)
			said := ""
			if err := tt.wish.validate(); err != nil {
				said = err.Error() + "; " + hint.Of(err)
			}
			if (said == "") != (tt.want == "") || !strings.Contains(said, tt.want) {
				t.Errorf("%q, want %q", said, tt.want)
			}
			if got := tt.wish.options().Targets; !slices.Equal(got, tt.wish.Targets) {
				t.Errorf("it remembers %q", got)
			}
		})
	}
	if got := (PlanWish{Targets: []string{"a.b"}}).terraformOnly(); got != "--target" {
		t.Errorf("of an image %q is refused", got)
	}
}

// A slip of the hand is refused, with what there is: terraform would find nothing to do, and say that all is well.
func TestTargetsThatAreAskedFor(t *testing.T) {
	root, err := declared.Read(stacktest.TreeOf(t, map[string]string{"box/main.tf": `
resource "aws_instance" "node" {}
resource "aws_instance" "each" { for_each = toset(["a", "b"]) }
module "far" { source = "hashicorp/consul/aws" }
module "near" {
  source   = "./near"
  for_each = toset(["a"])
}
`, "box/near/main.tf": `resource "aws_eip" "x" {}`}), stack.Definition{Dir: "box"})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"aws_instance.gone": true, `aws_instance.old["a"]`: true, `module.gone["a"].aws_x.y`: true}
	waiting := &store.Run{ID: 7, Stack: "box", Status: store.Planned, Plan: &store.Plan{Changes: []store.Change{change(`aws_instance.each["c"]`, "create")}}}
	for name, tt := range map[string]struct {
		target string
		open   *store.Run
		want   string
	}{
		"it is declared":                 {"aws_instance.node", waiting, ""},
		"all instances":                  {"aws_instance.each", waiting, ""},
		"a module":                       {"module.near", waiting, ""},
		"a module from elsewhere":        {"module.far", waiting, ""},
		"it is in the state alone":       {"aws_instance.gone", waiting, ""},
		"instances in the state alone":   {"aws_instance.old", waiting, ""},
		"a module in the state alone":    {"module.gone", waiting, ""},
		"its instance":                   {`module.gone["a"]`, waiting, ""},
		"an instance that waits":         {`aws_instance.each["c"]`, waiting, ""},
		"a slip":                         {"aws_instance.nod", nil, "stack box has no aws_instance.nod to target, neither at commit 0123456789 nor in its state; it has aws_instance.each, aws_instance.node"},
		"the beginning of a name":        {"aws_instance.gon", nil, "stack box has no aws_instance.gon to target"},
		"a module that is not there":     {"module.nea", nil, "stack box has no module.nea to target"},
		"a key of what has none":         {"aws_instance.node[0]", nil, "has neither count nor for_each"},
		"a module's key is missing":      {"module.near.aws_eip.x", nil, `each of its instances has a key: module.near["KEY"]`},
		"perhaps, and a plan waits":      {`aws_instance.each["z"]`, waiting, "#7 would be superseded for it"},
		"perhaps":                        {`aws_instance.each["z"]`, nil, ""},
		"no address":                     {"aws_instance", nil, `"aws_instance" is not the address of a resource`},
		"data":                           {"data.aws_ami.x", nil, "is of something that terraform reads"},
		"written in another way":         {`module.near[ "a" ]`, nil, `write it as module.near["a"]`},
		"a shell's words in the address": {`aws_instance.each["$(id)"]; rm`, nil, "is not the address of a resource"},
	} {
		t.Run(name, func(t *testing.T) {
			q := wished{stack: &config.Stack{Name: "box"}, commit: "0123456789abcdef", open: tt.open, redact: func(s string) string { return s }}
			said := ""
			if err := q.target(root, knownState{known, true}, tt.target); err != nil {
				said = err.Error() + "; " + hint.Of(err)
			}
			if (said == "") != (tt.want == "") || !strings.Contains(said, tt.want) {
				t.Errorf("%q\nwant %q", said, tt.want)
			}
		})
	}
}

// What the plan of a pull request would not do is refused, and not left out in silence.
func TestPreviewsTakeNoOptions(t *testing.T) {
	for want, wish := range map[string]PlanWish{
		"": {Commit: "1a2b3c4"}, "--target": {Targets: []string{"a.b"}}, "--replace": {Replace: []string{"a.b"}}, "--destroy": {Destroy: true},
		"--refresh-only": {RefreshOnly: true}, "--empty-state": {EmptyState: true}, "--image": {Images: map[string]string{"base": "ami-1"}}, "--var": {Vars: map[string]string{"size": "1"}},
	} {
		if got := wish.NotOfPreviews(); got != want {
			t.Errorf("%+v: %q, want %q", wish, got, want)
		}
	}
	_, err := (&Operator{}).StartPreview(WantedPreview{Stack: "box", PullRequest: 7, Wish: PlanWish{Targets: []string{"a.b"}}})
	if err == nil || err.Error() != "the plan of a pull request takes no --target" {
		t.Errorf("it is begun: %v", err)
	}
}
