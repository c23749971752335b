package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/store"
)

// start makes a manual run and says which.
func (h *house) begin(r control.StartRequest) int {
	h.t.Helper()
	got, err := h.Client.Start(context.Background(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return got.Run
}

// refused expects a request for a run to be refused with words.
func (h *house) refused(r control.StartRequest, words string) {
	h.t.Helper()
	if _, err := h.Client.Start(context.Background(), r); err == nil || !strings.Contains(err.Error()+" "+hint.Of(err), words) {
		h.t.Errorf("starting %+v: %v, want %q", r, err, words)
	}
}

// settle applies the first run of a house.
func (h *house) settle() {
	h.t.Helper()
	h.Reaches("box", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
}

func TestPlansOfTheOtherKinds(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	before := r.commit("Begin", map[string]string{"README": "to come"})
	head := r.commit("Add", map[string]string{"box/main.tf": data("node", "one") + data("volume", "two")})
	h := newHouse(t, box(r, `protect = ["terraform_data.volume"]`)).start()
	h.settle()

	node := h.begin(control.StartRequest{Stack: "box", Replace: []string{"terraform_data.node"}, Reason: "it hangs"})
	run := h.Reaches(num(node), store.Planned)
	if run.Plan.Destroy != 1 || run.Plan.Add != 1 || run.Plan.Changes[0].Address != "terraform_data.node" || strings.Join(run.Options.Kinds, "") != "REPLACE terraform_data.node" {
		t.Errorf("replace: %+v %+v", run.Plan, run.Options)
	}
	if err := h.Decide("2", "approve"); err == nil {
		t.Error("a replacement is approved by a plain approve")
	}
	// A slip of the hand does not cost it its place.
	h.refused(control.StartRequest{Stack: "box", Replace: []string{"terraform_data.nodes"}}, "no terraform_data.nodes to replace")
	h.refused(control.StartRequest{Stack: "box", Replace: []string{"terraform_data.nodes"}}, "it has terraform_data.node, terraform_data.volume")
	h.refused(control.StartRequest{Stack: "box", Replace: []string{"terraform_data.node[0]"}}, "its instances are: terraform_data.node;")
	h.refused(control.StartRequest{Stack: "box", Replace: []string{"terraform_data"}}, "is not the address of a resource")
	h.refused(control.StartRequest{Stack: "box", Applied: true, Replace: []string{"terraform_data.nodes"}}, "no terraform_data.nodes to replace")
	h.refused(control.StartRequest{Stack: "box", Vars: map[string]string{"size": "2"}}, `the root module has no variable "size"`)
	h.refused(control.StartRequest{Stack: "box", Commit: "0123456789"}, "0123456789 is not on the branch main")
	h.refused(control.StartRequest{Stack: "box", Commit: before}, "there is no stack box")
	h.Reaches("2", store.Planned) // as before
	h.MustDecide("2", "approve destroy")
	h.Reaches("2", store.Applied)

	h.refused(control.StartRequest{Stack: "box", Replace: []string{`terraform_data.node["ghp_canary0canary0canary0"]`}}, "has a secret in its address")

	refresh := h.begin(control.StartRequest{Stack: "box", RefreshOnly: true})
	if run = h.Reaches(num(refresh), store.NoChanges); run.Options.Kinds[0][:12] != "REFRESH ONLY" {
		t.Errorf("refresh only: %+v", run.Options)
	}

	all := h.begin(control.StartRequest{Stack: "box", Destroy: true, Reason: "the office moves"})
	run = h.Reaches(num(all), store.Planned)
	if run.Plan.Destroy != 2 || run.Options.Kinds[0] != "DESTROY EVERYTHING" || run.Commit != head {
		t.Errorf("destroy: %+v %+v", run.Plan, run.Options)
	}
	if err := h.Decide(num(all), "approve destroy"); err == nil || !strings.Contains(err.Error(), "terraform_data.volume") {
		t.Errorf("a protected address need not be named: %v", err)
	}
	h.MustDecide(num(all), "approve destroy 1")
	h.Reaches(num(all), store.Applied)
	// Nothing of the commit is applied any more, and nothing makes it anew by itself.
	s := h.Eventually("destroyed", func(s control.Status) bool { return s.Stacks[0].AppliedCommit == "" })
	if s.Stacks[0].Resources != 0 {
		t.Errorf("%+v", s.Stacks[0])
	}
	h.refused(control.StartRequest{Stack: "box", Applied: true}, "nothing to recover")
	h.refused(control.StartRequest{Stack: "box", Destroy: true, RefreshOnly: true}, "three kinds")
	h.refused(control.StartRequest{Stack: "box", Applied: true, Destroy: true}, "brings nothing new")
}

func num(run int) string { return fmt.Sprintf("#%d", run) }

func TestGivenVariablesAreSecretsThatGoAway(t *testing.T) {
	t.Parallel()
	const secret = "snap-0fe1dead"
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": `
variable "snapshot" { default = "none-at-all" }
variable "sizes" {
  type    = list(number)
  default = [1]
}
resource "terraform_data" "volume" { input = "${var.snapshot} ${join(",", var.sizes)}" }
output "snapshot" { value = var.snapshot }
`})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	h.refused(control.StartRequest{Stack: "box", Vars: map[string]string{"a b": "x"}}, "cannot be the name")
	h.refused(control.StartRequest{Stack: "box", Vars: map[string]string{"snapshots": secret}}, `no variable "snapshots" it declares: sizes, snapshot`)
	h.refused(control.StartRequest{Stack: "box", Vars: map[string]string{"sizes": "[3,"}}, `the variable "sizes" of type list(number) is no expression`)
	id := h.begin(control.StartRequest{Stack: "box", Vars: map[string]string{"snapshot": secret, "sizes": "[3, 4]"}, Reason: "back to " + secret})
	run := h.Reaches(num(id), store.Planned)
	if run.Options.Kinds[0] != "NOT IN GIT: var sizes, snapshot" || run.Plan.Change != 1 || strings.Contains(run.Reason, secret) {
		t.Errorf("%+v", run)
	}
	text, err := h.Client.PlanText(context.Background(), num(id))
	if err != nil || !strings.Contains(text, "(redacted) 3,4") || strings.Contains(text, secret) {
		t.Errorf("plan %q, %v", text, err)
	}
	// A restart of the agent in between: the value is needed for what is planned again, and still a secret.
	h.stop()
	h.start()
	if text, err = h.Client.PlanText(context.Background(), num(id)); err != nil || strings.Contains(text, secret) {
		t.Errorf("plan after a restart %q, %v", text, err)
	}
	h.MustDecide(num(id), "approve")
	h.Reaches(num(id), store.Applied)
	h.stop()
	if strings.Contains(h.Logged(), secret) {
		t.Error("the log tells the value")
	}
	for _, f := range []string{"run.json", "log.txt", "plan.txt"} {
		if b, err := os.ReadFile(filepath.Join(h.Dir, "data", "runs", fmt.Sprint(id), f)); err == nil && strings.Contains(string(b), secret) {
			t.Errorf("%s tells the value", f)
		}
	}
}
