package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/environment"
	"sallyport/agent/config/program"
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
	l.Duration(a, "timeout", &h.Timeout)
	h.Env, _ = environment.Read(l, a, "env")
	for name := range h.Env {
		if strings.HasPrefix(name, "SALLYPORT_") {
			l.Fault(a.Key("env", name), "Refused variable", "%s may not be set in env: the agent's own variables begin like that.", name)
		}
	}
	program.Words(l, a, "before_plan", &h.BeforePlan)
	program.Words(l, a, "after_plan", &h.AfterPlan)
	program.Words(l, a, "before_apply", &h.BeforeApply)
	program.Words(l, a, "after_apply", &h.AfterApply)
	return h
}

// readNotify reads the notify blocks.
func readNotify(l *decode.Reader, cfg *Config, blocks hcl.Blocks) {
	names := map[string]hcl.Range{}
	for _, b := range blocks {
		if checkLabel(l, b, names) {
			r, a := receiver.Read(l, b)
			program.Words(l, a, "command", &r.Command)
			cfg.Notify = append(cfg.Notify, r)
		}
	}
}
