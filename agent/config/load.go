package config

import "sallyport/agent/config/decode"

// LoadOptions are what a configuration is read with. The zero value is right for the agent.
type LoadOptions = decode.Options

// Faults are all that is wrong with a configuration, and Fault is one thing of that.
type (
	Faults = decode.Faults
	Fault  = decode.Fault
)

// Load reads and checks the configuration at path, a file or a directory of *.hcl files.
//
// What is wrong with the configuration comes back as one [*Faults] that lists everything; any other error means
// that the configuration could not be read at all.
func Load(path string, o LoadOptions) (*Config, error) {
	sources, base, err := decode.ReadSources(path)
	if err != nil {
		return nil, err
	}
	l := decode.NewReader(o, base)
	checkConfigModes(l, path, sources)
	return load(l, sources)
}

// load turns sources into a configuration. It is apart from Load for the fuzz test.
func load(l *decode.Reader, sources []decode.Source) (*Config, error) {
	body, ok := l.Parse(sources)
	if !ok {
		l.Besides(func() { readConfig(l, body) })
		return nil, l.Faults()
	}
	cfg := readConfig(l, body)
	if l.Failed() {
		return nil, l.Faults()
	}
	cfg.Secrets = l.Secrets()
	if !cfg.PingURL.IsZero() { // whoever knows it can say that all is well, wherever it stands
		cfg.Secrets = append(cfg.Secrets, cfg.PingURL)
	}
	cfg.Warnings = l.Warnings()
	return cfg, nil
}

// checkConfigModes checks the configuration's files with all directories above them, those behind symbolic links too:
// who can write any of them decides what the agent does.
func checkConfigModes(l *decode.Reader, path string, sources []decode.Source) {
	if err := l.CheckTrusted(path); err != nil {
		l.FaultOfAll("Unsafe configuration", "%v.", err)
	}
	for _, s := range sources {
		if err := l.CheckTrusted(s.Name); err != nil {
			l.FaultOfAll("Unsafe configuration", "%v.", err)
		}
	}
}
