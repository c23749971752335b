package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/notify/redact"
	"sallyport/notify/webhook"
	"sallyport/notify/words"
)

// oldFigures is the age from which on a file of figures is not written any more: an agent writes it every few seconds.
const oldFigures = 2 * time.Minute

// checkFigures looks whether the figures of the metrics block are handed out.
func (d *doctor) checkFigures(ctx context.Context) []*section {
	s := d.section("metrics")
	if at := d.cfg.Metrics.Listen; at != "" {
		d.figuresServed(ctx, s, at)
	}
	if file := d.cfg.Metrics.Textfile; file != "" {
		d.figuresWritten(s, file)
	}
	return []*section{s}
}

// figuresServed asks the address. A running agent that cannot serve there says why itself.
func (d *doctor) figuresServed(ctx context.Context, s *section, at string) {
	host, port, err := net.SplitHostPort(at)
	if err != nil || port == "0" {
		s.ok("listen", "any port that is free: the agent's log says which")
		return
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		s.fail("listen", "correct listen of the metrics block", "%v", err)
		return
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // whatever HTTP_PROXY says
	answer, err := client.Do(ask)
	if err != nil {
		s.warn("listen", "it is served while the agent runs: sallyport status; after a change of the block:\nsystemctl reload sallyport", "nobody answers at %s", at)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.fail("listen", "see sallyport status; if that does not know of it, another program has the address", "%s answers %s to /healthz", at, answer.Status)
		return
	}
	s.ok("listen", "%s answers", at)
}

// figuresWritten looks whether the agent can write its file of figures, and does.
func (d *doctor) figuresWritten(s *section, file string) {
	dir := filepath.Dir(file)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		s.fail("textfile", "node_exporter's packages make it; or:\n"+installFigures(dir, d.o.owner()), "its directory is not there: %v", err)
		return
	case !info.IsDir():
		s.fail("textfile", "correct textfile of the metrics block", "%s is no directory", dir)
		return
	}
	written, err := os.Stat(file)
	switch {
	case err == nil && time.Since(written.ModTime()) <= oldFigures:
		s.ok("textfile", "%s is up to date", file)
	case d.o.euid() == 0 && uidOf(info) == 0:
		s.warn("textfile", "the agent's user has to write there:\n"+installFigures(dir, d.o.owner()), "%s belongs to root, who may do everything: try the doctor as the agent's user", dir)
	case d.o.euid() != 0 && unix.Access(dir, unix.W_OK|unix.X_OK) != nil:
		s.fail("textfile", "run the doctor as the agent's user; if that fails too:\n"+installFigures(dir, d.o.owner()), "this user cannot make files in %s", dir)
	case errors.Is(err, fs.ErrNotExist):
		s.ok("textfile", "%s can be written; the file is there while the agent runs, and the unit needs ReadWritePaths=%s for it", dir, dir)
	case err != nil:
		s.fail("textfile", "look at its directory", "%v", err)
	default:
		s.warn("textfile", "see sallyport status: an agent writes it every few seconds, and its unit needs ReadWritePaths="+dir,
			"%s was written %s ago", file, words.Age(time.Since(written.ModTime())))
	}
}

// installFigures makes a directory that the agent's user may write and everybody may read.
func installFigures(dir, owner string) string {
	if owner == "" {
		owner = "USER"
	}
	return fmt.Sprintf("install -d -m 0755 -o %s %s", owner, shellQuote(dir))
}

// checkPing tries whether the host behind ping_url is reached. Nothing is said to it.
func (d *doctor) checkPing(ctx context.Context) []*section {
	s := d.section("ping_url")
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	if host, err := head(ctx, d.cfg.PingURL); err != nil {
		s.fail("reached", "look at ping_url, and at what stands between this machine and that host", "%v", err)
	} else {
		s.ok("reached", "%s answers; the agent asks for the address itself once a minute", host)
	}
	return []*section{s}
}

// head asks the host of an address for nothing in particular: whatever it answers, it is there. The rest of the address, which may be a
// secret, stays here.
func head(ctx context.Context, address redact.Secret) (host string, err error) {
	u, err := url.Parse(address.Reveal())
	if err != nil {
		return "", errors.New("it is no URL")
	}
	site := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
	ask, err := http.NewRequestWithContext(ctx, http.MethodHead, site.String(), nil)
	if err != nil {
		return "", err
	}
	answer, err := webhook.NewClient().Do(ask)
	if err != nil {
		return "", err
	}
	return u.Host, answer.Body.Close()
}
