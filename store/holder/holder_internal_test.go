package holder

import "testing"

func TestParseLock(t *testing.T) {
	tests := []struct {
		line   string
		pid    int
		device string
	}{
		{"1: FLOCK  ADVISORY  WRITE 1234 fd:00:77 0 EOF", 1234, "fd:00"},
		{"12: FLOCK  ADVISORY  READ 9 00:2d:77 0 EOF", 9, "00:2d"},
		{"1: -> FLOCK  ADVISORY  WRITE 1234 fd:00:77 0 EOF", 0, ""}, // waits
		{"1: POSIX  ADVISORY  WRITE 1234 fd:00:77 0 EOF", 0, ""},
		{"1: FLOCK  ADVISORY  WRITE 1234 fd:00:78 0 EOF", 0, ""},
		{"1: FLOCK  ADVISORY  WRITE 0 fd:00:77 0 EOF", 0, ""}, // in another container
		{"1: FLOCK  ADVISORY  WRITE x fd:00:77 0 EOF", 0, ""},
		{"1: FLOCK  ADVISORY  WRITE 1234 77 0 EOF", 0, ""},
		{"", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			pid, device, ok := parse(tt.line, 77)
			if pid != tt.pid || device != tt.device || ok != (tt.pid != 0) {
				t.Errorf("got %d, %q, %v", pid, device, ok)
			}
		})
	}
}

func TestCommandOfNobody(t *testing.T) {
	if c := commandOf(-1); c != "" {
		t.Errorf("command is %q", c)
	}
}
