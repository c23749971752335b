package gitlab

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const (
	site       = "gitlab"
	defaultURL = "https://gitlab.com"
	// perPage is the most that GitLab gives.
	perPage = 100
)

// Options say which project, and as whom.
type Options struct {
	URL     string           // of GitLab, with the path that it is installed below; default https://gitlab.com. Plain http only for loopback hosts
	Project string           // with its groups: group/sub/project
	Token   redact.Secret    // personal, of a group or of a project; scope api
	CAFile  string           // PEM; trusted beside the system's
	Log     *slog.Logger     // default: none
	Now     func() time.Time // default time.Now
	Timeout time.Duration    // of one request; default 15 s
}

var projectPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`)

func (o *Options) validate() error {
	if !projectPath.MatchString(o.Project) || strings.HasSuffix(o.Project, ".git") {
		return fmt.Errorf("gitlab: project %.200q is not of the form group/project", o.Project)
	}
	switch {
	case o.Token.IsZero():
		return errors.New("gitlab: no token")
	case strings.ContainsAny(o.Token.Reveal(), "\r\n\t "):
		return errors.New("gitlab: the token has a blank or a line break in it")
	}
	if o.URL == "" {
		o.URL = defaultURL
	}
	base, err := wire.Base(site, o.URL)
	if err != nil {
		return err
	}
	for _, wrong := range []string{"/" + o.Project, "/api/v4"} {
		if strings.HasSuffix(base.Path, wrong) {
			return fmt.Errorf("gitlab: %q is not GitLab itself: leave %s away", o.URL, wrong)
		}
	}
	o.URL = base.String()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}
