package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/words"
)

// What is kept of a log, in bytes. The end says why an apply failed, the beginning how it began; the middle of a
// long one is left out.
const (
	maxLogHead = 256 << 10
	maxLogTail = 768 << 10
	maxStderr  = 64 << 10
)

// Log renders what happened in an apply for people: terraform's own lines, its diagnostics in full, and how it ended.
// It is at most about 1.1 MiB long. It carries no values of outputs, but it is foreign text all the same, with whatever the
// provisioners printed: redact and clean it before it reaches a person.
func Log(runDir string) (string, error) {
	s, err := Attach(runDir)
	if err != nil {
		return "", err
	}
	text, err := output(runDir, s)
	if err != nil {
		return "", err
	}
	text.add(endText(s))
	return text.String(), nil
}

// Output is the part of [Log] that the program itself said, standard error last.
func Output(runDir string) (string, error) {
	s, err := Attach(runDir)
	if err != nil {
		return "", err
	}
	text, err := output(runDir, s)
	if err != nil {
		return "", err
	}
	return text.String(), nil
}

// Words is the end of what the runner itself said. It is about the runner: terraform's output is in [Log].
func Words(runDir string) (string, error) {
	said, err := tailOf(filepath.Join(runDir, logFile), maxStderr)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading what the runner said: %w", err)
	}
	return string(said), nil
}

func output(runDir string, s State) (*excerpt, error) {
	text := &excerpt{}
	f, err := os.Open(filepath.Join(runDir, streamFile))
	switch {
	case err == nil && s.Claim.Engine == EnginePacker:
		defer f.Close()
		if err := buildText(f, text); err != nil {
			return nil, fmt.Errorf("reading the log of a build: %w", err)
		}
	case err == nil:
		defer f.Close()
		if err := jsonlog.Read(f, func(e jsonlog.Event) { text.add(eventText(e)) }); err != nil {
			return nil, fmt.Errorf("reading the log of an apply: %w", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the log of an apply: %w", err)
	}
	// With -json this is empty, unless terraform or a plugin crashed: then it holds the trace.
	stderr, err := tailOf(filepath.Join(runDir, stderrFile), maxStderr)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the log of an apply: %w", err)
	}
	if len(stderr) > 0 {
		text.add("\nstandard error:\n" + strings.TrimRight(string(stderr), "\n") + "\n")
	}
	return text, nil
}

// eventText is what a person reads of an event, with its newline; empty for events that say nothing new.
func eventText(e jsonlog.Event) string {
	switch {
	case e.Diagnostic != nil:
		return "\n" + e.Diagnostic.String() + "\n\n"
	case e.Type == jsonlog.EventPlannedChange, e.Type == jsonlog.EventPlannedInvocation:
		return "" // terraform repeats the plan before it applies it
	case e.Type == jsonlog.EventOutputs:
		return "Outputs: " + strings.Join(e.OutputNames, ", ") + "\n" // the message itself only counts them
	case e.Type == jsonlog.EventText && strings.HasPrefix(e.Message, `{"@`):
		return "(an incomplete line was left out)\n" // terraform died while writing it; it may hold the values of outputs
	}
	return strings.Trim(e.Message, "\n") + "\n"
}

// endText says how it ended, as far as anybody knows.
func endText(s State) string {
	switch {
	case s.Phase == NotStarted || s.Phase == Running:
		return ""
	case s.Phase == Lost && s.TerraformStarted:
		return "\nNobody saw the end of this " + s.Claim.noun() + ".\n"
	case s.Phase == Lost:
		return "\nThe runner went away before it had executed " + s.Claim.engine() + ".\n"
	case s.Result.Refused != "":
		return title(s.Claim.engine()) + " was not executed: " + s.Result.Refused + "\n"
	}
	end := fmt.Sprintf("exit code %d", s.Result.ExitCode)
	if s.Result.Signal != "" {
		end = s.Result.Signal
	}
	text := fmt.Sprintf("\n%s ended after %s: %s.\n", title(s.Claim.engine()), words.Span(s.Result.EndedAt.Sub(s.Result.StartedAt)), end)
	if s.ErroredState != "" {
		text += "It could not save the state in its backend and left it in " + s.ErroredState + "\n"
	}
	if s.StillHeld {
		text += "Something that it started is still running.\n"
	}
	return text
}

// An excerpt keeps the beginning and the end of a text of any length, in whole pieces.
type excerpt struct {
	head     strings.Builder
	full     bool // the head takes no more
	tail     []string
	tailSize int
	left     int // bytes left out
}

func (x *excerpt) add(piece string) {
	if len(piece) > maxLogHead {
		piece = piece[:maxLogHead] + "...\n"
	}
	if !x.full && x.head.Len()+len(piece) <= maxLogHead {
		x.head.WriteString(piece)
		return
	}
	x.full = true
	x.tail = append(x.tail, piece)
	x.tailSize += len(piece)
	for x.tailSize > maxLogTail {
		x.left += len(x.tail[0])
		x.tailSize -= len(x.tail[0])
		x.tail = x.tail[1:]
	}
}

func (x *excerpt) String() string {
	var b strings.Builder
	b.WriteString(x.head.String())
	if x.left > 0 {
		fmt.Fprintf(&b, "\n(%d bytes were left out here)\n\n", x.left)
	}
	for _, piece := range x.tail {
		b.WriteString(piece)
	}
	return b.String()
}
