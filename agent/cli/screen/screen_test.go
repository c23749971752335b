package screen

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// On a terminal a notice is a text that people read; everything else is a line of the log.
func TestNotices(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(Notices(slog.NewTextHandler(&out, nil), &out)).With("component", "outbox")
	log.Info("notice", "run", 1, "text", "#1 box is planned\n1 to create\x1b]0;owned\a\nsallyport approve 1\n")
	log.Info("polled", "text", "a\nb")
	log.Info("notice", "run", 1)
	block, rest, _ := strings.Cut(out.String(), "\n\n")
	lines := strings.Split(strings.TrimPrefix(block, "\n"), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], "  #1 box is planned") || lines[1] != "          1 to create" || lines[2] != "          sallyport approve 1" {
		t.Errorf("the notice is %q", lines)
	}
	if _, err := time.Parse("15:04:05", lines[0][:8]); err != nil {
		t.Errorf("it has no time: %v", err)
	}
	if strings.Count(rest, "\n") != 2 || !strings.Contains(rest, `msg=polled component=outbox text="a\nb"`) || !strings.Contains(rest, "msg=notice component=outbox run=1") {
		t.Errorf("the rest is %q", rest)
	}
}

// What does not fit on the screen is left out and counted; what did not change is not drawn again.
func TestDraw(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &Screen{out: &out, size: func() (int, int) { return 10, 4 }}
	for range 2 {
		if err := s.Draw("one\ntwo and a half\nthree\nfour\nfive\n"); err != nil {
			t.Fatal(err)
		}
	}
	want := other + home + "one" + wipe + "\ntwo and a…" + wipe + "\nthree" + wipe + "\nand 2 lin…" + wipe + clear
	if out.String() != want {
		t.Errorf("drew %q, want %q", out.String(), want)
	}
	out.Reset()
	if err := s.Draw("one\n"); err != nil || out.String() != home+"one"+wipe+clear {
		t.Errorf("drew %q, %v", out.String(), err)
	}
	s.Close()
	s.Close()
	if !strings.HasSuffix(out.String(), clear+back) {
		t.Errorf("closed with %q", out.String())
	}
}
