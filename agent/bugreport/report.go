// Package bugreport puts together what somebody who looks for a fault needs to know of an installation, without what must not leave it:
// no secret, nothing of plans, states and variable files, no environment.
//
// # What is taken out, and how
//
// Three nets, one behind the other, since each has holes. What is known to hold values is not taken in: plans, states and the logs of
// runs are not read, of the status the changes of plans are left out, of the configuration's files the literals wherever a secret or a
// variable may stand ([Source]), and of every text of several lines all but the first: Terraform quotes values below its messages. What
// is known to be a secret is replaced wherever it is met: the values that the configuration brings in, each of them also where it cannot
// be read as a whole. What looks like one (the tokens of well-known services, the user of a URL) is replaced, whosever it is.
//
// What people have written by hand, a reason for example, is nothing that a program can judge. So the parts are shown, with their sizes,
// before anything is written, and somebody is to read the file before it goes on its way.
//
// # When it is needed
//
// When something does not work. Each part is made by itself, within a time of its own: one that cannot be made, panics or hangs says so
// in its place, and the others are there.
package bugreport

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"sallyport/agent/contain"
	"sallyport/notify/redact"
)

const (
	maxPart = 1 << 20          // bytes of one part; what is longer is cut
	short   = 10 * time.Second // for what is on this machine
	grace   = 2 * time.Second  // for a part to notice that its time is over
	top     = "sallyport-bugreport"
)

// Part is one file of a report.
type Part struct {
	Name   string // of the file: status.json
	About  string // what it is, for people
	Within time.Duration
	// Write makes it. What was written before an error, or before the time was over, is kept.
	Write func(ctx context.Context, w io.Writer) error
}

// Made is a part as it is in the report.
type Made struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Bytes   int    `json:"bytes"`
	Missing string `json:"missing"` // why it is not complete; empty: it is

	text string
}

// Report is what was made, and not yet written anywhere.
type Report struct {
	At    time.Time
	Parts []Made
}

// Collect makes all parts, at the same time, and takes secrets out of them. The error is ctx's; a part that cannot be made is none.
func Collect(ctx context.Context, at time.Time, parts []Part, redactor *redact.Redactor) (*Report, error) {
	r := &Report{At: at}
	ends := make([]func() Made, len(parts))
	for i, p := range parts {
		ends[i] = start(ctx, p, redactor)
	}
	for _, end := range ends {
		r.Parts = append(r.Parts, end())
	}
	r.Parts = append([]Made{r.contents()}, r.Parts...)
	return r, context.Cause(ctx)
}

// start begins to make a part, and returns what waits for it.
func start(ctx context.Context, p Part, redactor *redact.Redactor) func() Made {
	within, cancel := context.WithTimeout(ctx, p.Within)
	late, stop := context.WithTimeout(ctx, p.Within+grace)
	out, done := &buffer{}, make(chan error, 2)
	contain.Go("making "+p.Name+" of a bug report", func(p *contain.Panic) { done <- p }, func() { done <- p.Write(within, out) })
	return func() Made {
		defer cancel()
		defer stop()
		var err error
		select {
		case err = <-done:
		case <-late.Done():
			select { // the parts before it may have taken longer than all its time
			case err = <-done:
			default:
				err = fmt.Errorf("it was not done within %s", p.Within)
			}
		}
		text, cut := out.text()
		made := Made{Name: p.Name, About: p.About, text: clean(redactor, text)}
		switch {
		case err != nil:
			made.Missing = clean(redactor, FirstLine(err.Error()))
		case cut:
			made.Missing = "it is longer than what is kept of it"
		}
		if made.Missing != "" {
			made.text += "\n(not complete: " + made.Missing + ")\n"
		}
		made.Bytes = len(made.text)
		return made
	}
}

// contents is the part that says what the others are.
func (r *Report) contents() Made {
	var b strings.Builder
	fmt.Fprintf(&b, "A report about an installation of Sallyport, made %s.\n\n", r.At.UTC().Format(time.RFC3339))
	for _, p := range r.Parts {
		fmt.Fprintf(&b, "%-22s %s\n", p.Name, p.About)
		if p.Missing != "" {
			fmt.Fprintf(&b, "%-22s not complete: %s\n", "", p.Missing)
		}
	}
	b.WriteString("\nNot in it: plans, states, variables and their files, the logs of runs, the environment, credentials. Known secrets and what looks like a\n" +
		"token are replaced by (redacted), literals that may be secrets by (left out); of texts of several lines the first is kept.\n" +
		"What people have written by hand (reasons, names, addresses) is there: read it before you pass it on.\n")
	return Made{Name: "README.txt", About: "what is in here, and what is not", Bytes: b.Len(), text: b.String()}
}

// Write writes the report as a compressed archive.
func (r *Report) Write(w io.Writer) error {
	zip := gzip.NewWriter(w)
	out := tar.NewWriter(zip)
	for _, p := range r.Parts {
		head := &tar.Header{Name: top + "/" + p.Name, Mode: 0o600, Size: int64(len(p.text)), ModTime: r.At.Truncate(time.Second), Format: tar.FormatPAX}
		if err := out.WriteHeader(head); err != nil {
			return fmt.Errorf("writing %s: %w", p.Name, err)
		}
		if _, err := io.WriteString(out, p.text); err != nil {
			return fmt.Errorf("writing %s: %w", p.Name, err)
		}
	}
	return errors.Join(out.Close(), zip.Close())
}

// userinfo is the user of a URL, with or without a password, in which somebody may have forgotten to escape a slash or an at sign. That
// of git over ssh says nothing.
var userinfo = regexp.MustCompile(`://(?:[^\s/:@"'<>]*:[^\s"'<>]*|[^\s/"'<>]+)@`)

// clean takes out of a text what is a secret, what looks like one, and what could take over a terminal.
func clean(redactor *redact.Redactor, text string) string {
	return userinfo.ReplaceAllStringFunc(redactor.Text(text), func(s string) string {
		if s == "://git@" {
			return s
		}
		return "://"
	})
}

// FirstLine is the first line of a text, with a sign where there were more.
func FirstLine(text string) string {
	first, rest, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more && strings.TrimSpace(rest) != "" {
		return strings.TrimSpace(first) + " (...)"
	}
	return first
}

// Summary is what a text begins with, up to its first colon: what Terraform says of a run goes on with commands and what they printed.
func Summary(text string) string {
	text, more := strings.CutSuffix(FirstLine(text), " (...)")
	text, _, cut := strings.Cut(text, ": ")
	if cut || more {
		text += " (...)"
	}
	return text
}

// buffer takes what a part writes, also one whose time is over. It keeps the beginning.
type buffer struct {
	mu  sync.Mutex
	b   bytes.Buffer
	cut bool
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	room := max(maxPart-b.b.Len(), 0)
	b.cut = b.cut || len(p) > room
	b.b.Write(p[:min(len(p), room)])
	return len(p), nil
}

func (b *buffer) text() (text string, cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String(), b.cut
}
