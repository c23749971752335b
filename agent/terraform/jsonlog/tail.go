package jsonlog

import "sync"

// Tail keeps the last bytes that are written to it, Most of them: the end of what a command says has its error.
type Tail struct {
	Most int // bytes

	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer; the error is always nil.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.Most; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// String is what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
