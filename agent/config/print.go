package config

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
)

// The methods here are for whoever prints a configuration while looking for a fault. Without them fmt reflects on the
// fields of secrets whenever it meets a pointer under a verb like %s, and shows the values.

// Format prints a configuration without secrets, under any verb.
func (c Config) Format(f fmt.State, verb rune) {
	type plain Config
	decode.PrintPlain(f, verb, plain(c))
}

// Format prints the slack block without secrets, under any verb.
func (s Slack) Format(f fmt.State, verb rune) {
	type plain Slack
	decode.PrintPlain(f, verb, plain(s))
}

// Format prints a stacks block without secrets, under any verb.
func (g StackGlob) Format(f fmt.State, verb rune) {
	type plain StackGlob
	decode.PrintPlain(f, verb, plain(g))
}

// Format prints a stack without secrets and without the values of its variables, which are cty values and print in full. It covers
// any verb.
func (s Stack) Format(f fmt.State, verb rune) {
	type plain Stack
	p := plain(s)
	if s.Vars != nil {
		p.Vars = make(map[string]cty.Value, len(s.Vars))
		for name := range s.Vars {
			p.Vars[name] = cty.StringVal("(redacted)")
		}
	}
	decode.PrintPlain(f, verb, p)
}
