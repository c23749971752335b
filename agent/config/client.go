package config

import "github.com/hashicorp/hcl/v2"

// Client is what a verb must know to find the agent and its data.
type Client struct {
	DataDir string
	Socket  string
}

// LoadClient reads only data_dir and socket of the configuration at path, with their defaults.
//
// Nothing else is evaluated, neither modes nor other blocks are looked at, and functions are unknown: whoever
// asks for the status can read neither the agent's credentials nor its environment. Wrong syntax is a [*Faults] all the same,
// since after it nobody knows what the two attributes are.
func LoadClient(path string) (Client, error) {
	sources, base, err := readSources(path)
	if err != nil {
		return Client{}, err
	}
	l := newLoader(LoadOptions{SkipModes: true}, base)
	l.ctx = &hcl.EvalContext{}
	body, ok := l.parse(sources)
	if !ok {
		return Client{}, l.faults()
	}
	// Other things may be as wrong as they like, so what PartialContent says about the rest is not asked for.
	content, _, diags := body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "data_dir"}, {Name: "socket"}},
	})
	l.add(diags)
	dataDir, socket := l.paths(content.Attributes)
	if l.diags.HasErrors() {
		return Client{}, l.faults()
	}
	return Client{DataDir: dataDir, Socket: socket}, nil
}
