package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"sallyport/notify/redact"
)

// Hooks are commands of the host's configuration that run around plans and applies. Each is a list of words, run as it is.
type Hooks struct {
	BeforePlan, AfterPlan, BeforeApply, AfterApply []string

	Env     map[string]redact.Secret // beside PATH, HOME and what tells of the run
	Timeout time.Duration            // of each command; default 5m
}

const defaultHookTimeout = 5 * time.Minute

func hooksShape() shape {
	return shape{optional: []string{"before_plan", "after_plan", "before_apply", "after_apply", "env", "timeout"}}
}

// hooks reads a hooks block; nil without one.
func (l *loader) hooks(b *hcl.Block) *Hooks {
	if b == nil {
		return nil
	}
	a := attributes{own: l.content(b.Body, hooksShape()).Attributes, header: b.DefRange}
	h := &Hooks{Timeout: defaultHookTimeout}
	l.duration(a, "timeout", &h.Timeout, time.Second)
	h.Env = l.environment(a, "env")
	for name := range h.Env {
		if strings.HasPrefix(name, "SALLYPORT_") {
			l.fault(a.key("env", name), "Refused variable", "%s may not be set in env: the agent's own variables begin like that.", name)
		}
	}
	l.words(a, "before_plan", &h.BeforePlan)
	l.words(a, "after_plan", &h.AfterPlan)
	l.words(a, "before_apply", &h.BeforeApply)
	l.words(a, "after_apply", &h.AfterApply)
	return h
}

// words reads a command that no shell sees.
func (l *loader) words(a attributes, name string, dst *[]string) {
	if !l.strs(a, name, dst) {
		return
	}
	if len(*dst) == 0 || strings.TrimSpace((*dst)[0]) == "" {
		l.fault(a.at(name), "No command", `%s must name a program: ["/usr/local/bin/check", "--strict"].`, name)
	}
	l.program(a, name, *dst)
	for _, word := range *dst {
		if strings.ContainsRune(word, 0) {
			l.fault(a.at(name), "Invalid value", "%s holds a zero byte.", name)
		}
	}
}
