package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// SIGHUP reads the configuration again. A bad one changes nothing and is told; a good one that changes what a plan was
// made from makes it stale.
func TestReload(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{
		"box/main.tf": "variable \"v\" { default = \"x\" }\nresource \"terraform_data\" \"a\" {\n  input = var.v\n}\n",
		"net/main.tf": thing("net", "one"),
	})
	h := newHouse(t, i.box(`vars = { v = "one" }`)).start()
	h.reaches("1", "planned")

	h.Configure(i.box(`vars = { v = "one" }`, `colour = "red"`))
	h.signal(syscall.SIGHUP)
	s := h.sees("the bad configuration", func(s status) bool { return s.problem("configuration") != nil })
	if p := s.problem("configuration"); !has(p.Error, "old configuration stays", "sallyport.hcl", "colour") {
		t.Errorf("the problem is told as %q", p.Error)
	}
	if !strings.Contains(h.Logged(), "old configuration stays") {
		t.Error("the log says nothing")
	}
	h.reaches("1", "planned")

	h.Configure(i.box(`vars = { v = "two" }`) + stackBlock("net"))
	h.signal(syscall.SIGHUP)
	h.reaches("1", "stale")
	h.sees("it is good again", func(s status) bool { return s.problem("configuration") == nil && len(s.Stacks) == 2 })
	r := h.reaches("box", "planned")
	if r.Kind != "recovery" {
		t.Errorf("the run that took over: %+v", r)
	}
	h.must("approve", h.number("box"))
	h.reaches(fmt.Sprint(r.ID), "applied")
	net := h.reaches("net", "planned")

	h.Configure(i.box(`vars = { v = "two" }`))
	h.signal(syscall.SIGHUP)
	h.reaches(fmt.Sprint(net.ID), "canceled")
}
