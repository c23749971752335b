package bugreport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/config/decode"
)

// Configuration is what a report tells of a configuration, and what it must not tell.
type Configuration struct {
	Parts []Part
	Secrets
}

// ReadConfiguration reads a configuration for a report: each of its files without secrets, and what the agent understands, or why it does not.
// The files are read without looking at their modes: a wrong one is what the report may be about.
func ReadConfiguration(path string, o config.LoadOptions, credentials []string) Configuration {
	var c Configuration
	sources, base, err := decode.ReadSources(path)
	if err != nil {
		c.add("config.txt", "why the configuration cannot be read", err.Error())
		return c
	}
	for _, s := range sources {
		text, secrets := Source(s.Name, s.Data, Places{Base: base, Credentials: credentials, Getenv: getenv(o)})
		c.Known, c.Unread = append(c.Known, secrets.Known...), append(c.Unread, secrets.Unread...)
		c.add("config/"+filepath.Base(s.Name), "the file "+s.Name, text)
	}
	if len(c.Unread) > 0 {
		c.add("unread.txt", "secrets that cannot be read here, so that nobody looked for their values", strings.Join(c.Unread, "\n")+"\n")
	}
	cfg, err := config.Load(path, o)
	var faults *config.Faults
	switch {
	case errors.As(err, &faults):
		// Without the lines that they are in: a value may stand there, where it does not belong.
		c.add("config.txt", "what is wrong with the configuration", faults.Error()+"\n")
	case err != nil:
		c.add("config.txt", "why the configuration cannot be read", err.Error())
	default:
		c.Known = append(c.Known, cfg.Secrets...)
		c.Parts = append(c.Parts, Part{Name: "config.json", About: "the configuration as it is understood", Within: short, Write: func(_ context.Context, w io.Writer) error {
			return loaded(w, cfg)
		}})
	}
	return c
}

func getenv(o config.LoadOptions) func(string) string {
	if o.Getenv != nil {
		return o.Getenv
	}
	return os.Getenv
}

// add is a part that is there already.
func (c *Configuration) add(name, about, text string) {
	c.Parts = append(c.Parts, Part{Name: name, About: about, Within: short, Write: func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}})
}

// loaded writes a configuration as JSON. Secrets encode as (redacted), and the values of variables as nothing.
func loaded(w io.Writer, cfg *config.Config) error {
	raw, err := json.Marshal(cfg)
	if err != nil {
		return fmt.Errorf("encoding the configuration: %w", err)
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("decoding the configuration: %w", err)
	}
	raw, err = json.MarshalIndent(bare(all), "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the configuration: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", raw)
	return err
}

// bare leaves out of a configuration what its files are shown without as well: the arguments of commands.
func bare(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if list, is := value.([]any); is && name == "Command" && len(list) > 1 {
				v[name] = []any{list[0], leftOut}
			} else {
				v[name] = bare(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	}
	return v
}
