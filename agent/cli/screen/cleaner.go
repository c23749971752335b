package screen

import (
	"io"
	"unicode/utf8"

	"sallyport/notify/redact"
)

// Clean cleans what goes to a terminal; a file or a pipe gets the bytes as they are, since a state that is pulled may be pushed again.
func Clean(w io.Writer) io.Writer {
	if columns, _ := Of(w); columns > 0 {
		return &cleaner{w: w}
	}
	return w
}

// cleaner takes control characters out of a stream, which may be cut in the middle of a letter.
type cleaner struct {
	w    io.Writer
	rest []byte
}

func (c *cleaner) Write(p []byte) (int, error) {
	text := append(c.rest, p...)
	end := len(text)
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if utf8.RuneStart(text[len(text)-i]) {
			if !utf8.FullRune(text[len(text)-i:]) {
				end = len(text) - i
			}
			break
		}
	}
	_, err := io.WriteString(c.w, redact.Clean(string(text[:end])))
	c.rest = append([]byte(nil), text[end:]...)
	return len(p), err
}
