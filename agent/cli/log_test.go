package cli

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/creack/pty"

	"sallyport/agent/cli/call"
)

// On a terminal a notice is a block of text; in a file, a pipe and a journal it stays one line with its keys, and so it does in JSON.
func TestLogOfAnAgent(t *testing.T) {
	t.Parallel()
	person, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	defer terminal.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: 80, Rows: 24}); err != nil {
		t.Fatal(err)
	}
	var pipe bytes.Buffer
	say := func(stderr io.Writer, json bool, environ ...string) {
		s := call.NewStreams(Invocation{Stdout: io.Discard, Stderr: stderr, Environ: environ})
		s.JSON = json
		slog.New(logHandler(s, environ)).Info("notice", "run", 1, "text", "#1 box is planned\nsallyport approve 1")
	}
	say(terminal, false)
	read := bufio.NewReader(person)
	var lines []string
	for range 3 {
		line, err := read.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	if lines[0] != "" || !strings.HasSuffix(lines[1], "  #1 box is planned") || lines[2] != "          sallyport approve 1" {
		t.Errorf("on a terminal it is %q", lines)
	}
	for name, tt := range map[string]struct {
		json    bool
		environ []string
		want    string
	}{
		"a file":    {want: ` level=INFO msg=notice run=1 text="#1 box is planned\nsallyport approve 1"`},
		"a journal": {environ: []string{"JOURNAL_STREAM=8:1"}, want: `level=INFO msg=notice run=1 text="#1 box is planned\nsallyport approve 1"`},
		"JSON":      {json: true, want: `"run":1,"text":"#1 box is planned\nsallyport approve 1"}`},
	} {
		pipe.Reset()
		say(&pipe, tt.json, tt.environ...)
		if got := pipe.String(); strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, tt.want+"\n") {
			t.Errorf("in %s it is %q", name, got)
		}
	}
}
