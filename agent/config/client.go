package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
)

// Client is what a verb must know to find the agent and its data.
type Client struct {
	DataDir string
	Socket  string
	// CLIApprovals is cli_approvals; false too where a client cannot tell.
	CLIApprovals bool
}

// LoadClient reads only data_dir, socket and cli_approvals of the configuration at path, with their defaults.
//
// Nothing else is evaluated, neither modes nor other blocks are looked at, and functions are unknown: whoever
// asks for the status can read neither the agent's credentials nor its environment. Wrong syntax is a [*Faults] all the same,
// since after it nobody knows what the two attributes are.
func LoadClient(path string) (Client, error) {
	sources, base, err := decode.ReadSources(path)
	if err != nil {
		return Client{}, err
	}
	l := decode.NewReader(LoadOptions{SkipModes: true}, base)
	l.ForgetFunctions()
	body, ok := l.Parse(sources)
	if !ok {
		return Client{}, l.Faults()
	}
	// Other things may be as wrong as they like, so what PartialContent says about the rest is not asked for.
	content, _, diags := body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "data_dir"}, {Name: "socket"}, {Name: "cli_approvals"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "locals"}},
	})
	l.Add(diags)
	decode.UseLocals(l, content.Blocks)
	dataDir, socket := readPaths(l, content.Attributes)
	if l.Failed() {
		return Client{}, l.Faults()
	}
	return Client{DataDir: dataDir, Socket: socket, CLIApprovals: allowed(decode.Again(l), content.Attributes["cli_approvals"])}, nil
}

// allowed reads cli_approvals without a function: what takes one may be false.
func allowed(l *decode.Reader, a *hcl.Attribute) bool {
	l.ForgetFunctions()
	v, ok := l.Eval(a, cty.DynamicPseudoType)
	return a == nil || ok && v.IsKnown() && v.Type() == cty.Bool && v.True()
}
