package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/environment"
	"sallyport/agent/config/receiver"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
)

// Hooks are commands of the host's configuration that run around plans and applies. Each is a list of words, run as it is.
type Hooks struct {
	BeforePlan, AfterPlan, BeforeApply, AfterApply []string

	Env     map[string]redact.Secret // beside PATH, HOME and what tells of the run
	Timeout time.Duration            // of each command; default 5m
}

// readHooks reads a hooks block; nil without one.
func readHooks(l *decode.Reader, b *hcl.Block) *Hooks {
	if b == nil {
		return nil
	}
	a := l.Block(b, shape.Hooks())
	h := &Hooks{}
	l.Duration(a, "timeout", &h.Timeout, time.Second)
	h.Env, _ = environment.Read(l, a, "env")
	for name := range h.Env {
		if strings.HasPrefix(name, "SALLYPORT_") {
			l.Fault(a.Key("env", name), "Refused variable", "%s may not be set in env: the agent's own variables begin like that.", name)
		}
	}
	readWords(l, a, "before_plan", &h.BeforePlan)
	readWords(l, a, "after_plan", &h.AfterPlan)
	readWords(l, a, "before_apply", &h.BeforeApply)
	readWords(l, a, "after_apply", &h.AfterApply)
	return h
}

// readWords reads a command that no shell sees.
func readWords(l *decode.Reader, a decode.Attributes, name string, dst *[]string) {
	if !l.Strings(a, name, dst) {
		return
	}
	if len(*dst) == 0 || strings.TrimSpace((*dst)[0]) == "" {
		l.Fault(a.At(name), "No command", `%s must name a program: ["/usr/local/bin/check", "--strict"].`, name)
	}
	checkProgram(l, a, name, *dst)
	for _, word := range *dst {
		if strings.ContainsRune(word, 0) {
			l.Fault(a.At(name), "Invalid value", "%s holds a zero byte.", name)
		}
	}
}

// readNotify reads the notify blocks.
func readNotify(l *decode.Reader, cfg *Config, blocks hcl.Blocks) {
	names := map[string]hcl.Range{}
	for _, b := range blocks {
		if checkLabel(l, b, names) {
			r, a := receiver.Read(l, b)
			readWords(l, a, "command", &r.Command)
			cfg.Notify = append(cfg.Notify, r)
		}
	}
}
