package decode

import (
	"fmt"
	"io/fs"
	"strings"

	"sallyport/agent/config/trusted"
)

// maxTrustFile bounds host key, certificate and settings files, in bytes.
const maxTrustFile = 16 << 20

// Path reads the path of a file of the host and makes it absolute.
func (l *Reader) Path(a Attributes, name string, dst *string) bool {
	var text string
	if !l.String(a, name, &text) {
		return false
	}
	if text == "" || strings.ContainsRune(text, 0) {
		l.Fault(a.At(name), "Invalid path", "%s is not a path.", name)
		return false
	}
	*dst = l.abs(text)
	return true
}

// TrustFile reads a file that the agent believes: everybody may read it, nobody else may write it.
func (l *Reader) TrustFile(path string) ([]byte, error) {
	data, err := trusted.Read(path, maxTrustFile, func(info fs.FileInfo) error { return l.checkMode(path, info, trusted.WritableByOthers) })
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	return data, nil
}

// CheckTrusted is [trusted.Check], unless modes do not count here.
func (l *Reader) CheckTrusted(path string) error {
	if l.o.SkipModes {
		return nil
	}
	return trusted.Check(path)
}

// checkMode refuses a file or directory that others may use in a forbidden way, with the command that mends it. info is what
// was opened, so that nobody can swap the file between the check and the read.
func (l *Reader) checkMode(path string, info fs.FileInfo, forbidden fs.FileMode) error {
	if l.o.SkipModes {
		return nil
	}
	return trusted.CheckMode(path, info, forbidden)
}
