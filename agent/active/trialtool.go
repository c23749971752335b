package active

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/redact"
)

// exactVersion is a version as terraform and OpenTofu write it.
var exactVersion = regexp.MustCompile(`^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(-[0-9A-Za-z]{1,16}(\.[0-9A-Za-z]{1,16}){0,3})?$`)

// fetchTrial bounds the download of a terraform that somebody waits for.
const fetchTrial = 5 * time.Minute

// TrialTool finds an exact version of a program which no stack needs to name: among those of the configuration, in the agent's PATH
// (terraform-1.15.1, terraform-1.15, terraform) and, of terraform, among those that were installed, or it is installed. A person asks for
// it; so that they cannot have any file executed, they say a version and never a path. Where it cannot be had that is no fault of the agent's.
func (a *Active) TrialTool(ctx context.Context, conf *Config, want config.Tool) (binary.Tool, error) {
	name, v := want.Name(), want.Version
	if !exactVersion.MatchString(v) {
		return binary.Tool{}, hint.Refuse("sallyport plan --all --"+name+" 1.15.1", "%q is not one exact version", redact.CleanLine(v))
	}
	for _, c := range toolsOf(conf.Cfg) {
		if c.Name() == name {
			if found, err := conf.Tools.of(c).get(ctx); err == nil && found.Version == v {
				return found, nil
			}
		}
	}
	names := []string{name + "-" + v, name + "-" + v[:strings.LastIndex(strings.SplitN(v, "-", 2)[0], ".")], name}
	for _, file := range names {
		path, err := exec.LookPath(file)
		if err != nil {
			continue
		}
		found, err := conf.Tools.of(config.Tool{Engine: want.Engine, Binary: path}).get(ctx)
		if err == nil && found.Version == v && found.OpenTofu == (want.Engine == config.EngineTofu) {
			return found, nil
		}
	}
	next := fmt.Sprintf("install %s %s on the agent's machine, where its PATH finds it as %s", name, v, names[0])
	if want.Engine == config.EngineTofu {
		return binary.Tool{}, hint.Refuse(next, "there is no tofu %s here, and no installing of OpenTofu", v)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fetchTrial, errors.New("the download took too long"))
	defer cancel()
	found, err := conf.Tools.of(config.Tool{Version: v}).get(ctx)
	if err != nil {
		return found, hint.Refuse(next+", or let it reach https://releases.hashicorp.com once", "there is no terraform %s here, and it cannot be downloaded: %s", v, a.health.Redact(innermost(err)))
	}
	return found, nil
}

// innermost is the cause of an error without the words of those that passed it on, which repeat an address again and again.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return redact.CleanLine(err.Error())
		}
		err = next
	}
}
