package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/agent/web"
	"sallyport/notify/redact"
)

// forwardTimeout bounds the question whether the pages are there already, and openTimeout what opens them.
const (
	forwardTimeout = 2 * time.Second
	openTimeout    = 10 * time.Second
)

// pages are where pages are read, as --json has it.
type pages struct {
	Socket string `json:"socket"` // of the agent; empty where the pages are open already
	SSH    string `json:"ssh"`    // the line that brings them to another machine
	URL    string `json:"url"`    // what to open there
	Opened bool   `json:"opened"` // it was opened
}

func newWebCommand(a *call.Call) *cobra.Command {
	port := 9747
	c := &cobra.Command{
		Use:   "web [--port N]",
		Short: "Say how the agent's pages are read in a browser, through ssh",
		Long: "Say how the agent's pages are read in a browser: the line of ssh that brings them to your own machine, and what to open there. On a\n" +
			"desktop to which that line brings them already they are opened. They are shown where the configuration has a block web { }, at a unix\n" +
			"socket: nothing listens on a port of the agent's machine. They decide nothing.",
		Args: call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if port < 1 || port > 65535 {
				return call.Usage(fmt.Sprintf("--port takes a port from 1 to 65535, not %d", port), "see sallyport web --help")
			}
			url := "http://localhost:" + strconv.Itoa(port) + "/"
			if open := opener(a.Inv.Environ); open != nil && forwarded(c.Context(), url) && browse(c.Context(), open, url) == nil {
				return a.Streams.Result(pages{URL: url, Opened: true}, "opened %s", url)
			}
			return sayPages(c.Context(), a, port, url)
		},
	}
	c.Flags().IntVar(&port, "port", port, "of your own machine, `N`")
	return c
}

// sayPages prints the line of ssh and what to open.
func sayPages(ctx context.Context, a *call.Call, port int, url string) error {
	client, err := a.At.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	socket := redact.CleanLine(s.Agent.Web)
	if socket == "" {
		return control.Errorf(control.NotFound, "this agent shows no pages").WithHint("add a block to its configuration, web { }, and then: systemctl reload sallyport")
	}
	for _, p := range s.Problems {
		if p.Source == "web" {
			return control.Errorf(control.Internal, "this agent cannot show its pages: %s", redact.CleanLine(p.Error)).WithHint("%s", p.Hint)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("asking for this machine's name: %w", err)
	}
	p := pages{Socket: socket, URL: url, SSH: "ssh -L " + inShell(strconv.Itoa(port)+":"+socket) + " " + inShell(redact.CleanLine(host))}
	if a.Streams.JSON {
		return a.Streams.WriteJSON(p)
	}
	a.Streams.Talk("on your own machine, as somebody who may open that socket (root, or a member of its group); then open the page in a browser there:")
	return a.Streams.Say("%s\n%s", p.SSH, p.URL)
}

// opener is the program that opens an address on a desktop; nil where there is no desktop.
func opener(environ []string) []string {
	switch {
	case runtime.GOOS == "darwin":
		return []string{"open"}
	case call.Env(environ, "DISPLAY", "") != "" || call.Env(environ, "WAYLAND_DISPLAY", "") != "":
		return []string{"xdg-open"}
	}
	return nil
}

// forwarded reports whether an agent's pages answer at an address: something else may be there.
func forwarded(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && len(answer.Header.Values(web.VersionHeader)) > 0
}

// browse opens an address with the desktop's own program.
func browse(ctx context.Context, open []string, url string) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return exec.CommandContext(ctx, open[0], append(open[1:], url)...).Run()
}

// bare are words that a shell takes as they are.
var bare = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// inShell is a word as a shell has to have it.
func inShell(word string) string {
	if bare.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
