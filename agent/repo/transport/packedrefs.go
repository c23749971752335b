package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxRefLine bounds a line of packed-refs: a hash, and a name as long as a path can be.
	maxRefLine = 8 << 10
	// refBlock is how much of packed-refs is read at a time while it is searched, and what is small enough to be read line by line.
	refBlock = 4 << 10
	// maxSymbolic is how many references may point to each other, as git itself allows.
	maxSymbolic = 5
)

// errOddRef says that a reference is not one that a few lines of ours can read. go-git, which lists all of them, is asked instead.
var errOddRef = errors.New("reference is not in the form that git writes")

// resolveRef finds the commit that a reference of a repository on this disk points to. ok is false where there is no such
// reference. Only the file of the reference is read, and of packed-refs no more than what a search needs, so that a hundred
// thousand references of others cost nothing. Nothing is remembered from one poll to the next: a search takes less than to
// find out beyond doubt that a file is still the same.
func resolveRef(dir, name string) (h plumbing.Hash, ok bool, err error) {
	for range maxSymbolic {
		// The file first, as git does: who packs references writes packed-refs before the file goes.
		text, err := readRef(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			return plumbing.ZeroHash, false, err
		case text == "":
			return packedRef(filepath.Join(dir, "packed-refs"), name)
		case plumbing.IsHash(text):
			return plumbing.NewHash(text), true, nil
		}
		target, symbolic := strings.CutPrefix(text, "ref:")
		name = strings.TrimLeft(target, " \t")
		if !symbolic || plumbing.ReferenceName(name).Validate() != nil {
			return plumbing.ZeroHash, false, errOddRef
		}
	}
	return plumbing.ZeroHash, false, errOddRef
}

// readRef is what the file of a reference says; empty if there is none. A directory of that name, which holds references whose
// names begin like it, is none.
func readRef(file string) (string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading reference: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return "", nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxRefLine))
	if err != nil {
		return "", fmt.Errorf("reading reference: %w", err)
	}
	line := strings.TrimRight(string(text), "\r\n\t ")
	if line == "" || len(text) == maxRefLine {
		return "", errOddRef // go-git has the words for one that a power failure has cut to nothing
	}
	return line, nil
}

// packedRef looks for a reference in packed-refs. Where its header says that it is sorted, it is searched; what is not found that
// way is looked for line by line, in case a person has edited the file.
func packedRef(file, name string) (plumbing.Hash, bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return plumbing.ZeroHash, false, nil
	}
	if err != nil {
		return plumbing.ZeroHash, false, fmt.Errorf("reading packed-refs: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return plumbing.ZeroHash, false, fmt.Errorf("reading packed-refs: %w", err)
	}
	p := packedRefs{file: f, size: info.Size(), name: name}
	header, sorted, err := p.header()
	if err != nil {
		return plumbing.ZeroHash, false, err
	}
	if sorted {
		if h, ok, err := p.search(header); ok || err != nil {
			return h, ok, err
		}
	}
	return p.scan(0, p.size)
}

// packedRefs is a file of packed references in which one is looked for. git replaces the file as a whole, so that an open one
// does not change.
type packedRefs struct {
	file *os.File
	size int64
	name string
}

// header is how long the first line is, if it is a comment, and whether it says that the file is sorted.
func (p packedRefs) header() (length int64, sorted bool, err error) {
	block := make([]byte, refBlock)
	n, err := p.file.ReadAt(block, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, fmt.Errorf("reading packed-refs: %w", err)
	}
	line, _, whole := bytes.Cut(block[:n], []byte("\n"))
	if !whole || !bytes.HasPrefix(line, []byte("# pack-refs with:")) {
		return 0, false, nil
	}
	for _, trait := range strings.Fields(string(line)) {
		sorted = sorted || trait == "sorted"
	}
	return int64(len(line)) + 1, sorted, nil
}

// search halves the file until little is left. from is where the first line after the header begins. What is looked for begins at
// low or later, and before high.
func (p packedRefs) search(from int64) (plumbing.Hash, bool, error) {
	low, high := from, p.size
	for high-low > refBlock {
		at, line, err := p.lineAfter(low+(high-low)/2, high)
		if err != nil {
			return plumbing.ZeroHash, false, err
		}
		if at < 0 {
			break // none begins in the upper half
		}
		hash, name, err := splitRef(line)
		if err != nil {
			return plumbing.ZeroHash, false, err
		}
		switch strings.Compare(p.name, name) {
		case 0:
			return hash, true, nil
		case 1:
			low = at
		default:
			high = at
		}
	}
	return p.scan(low, high)
}

// lineAfter finds the first line of a reference that begins after from and before high; at is negative if there is none.
func (p packedRefs) lineAfter(from, high int64) (at int64, line []byte, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(p.file, from, p.size-from), refBlock)
	for begins := false; from < high; begins = true {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return -1, nil, nil
		}
		if err != nil {
			return 0, nil, err
		}
		if begins && line[0] != '^' {
			return from, line, nil
		}
		from += int64(len(line))
	}
	return -1, nil, nil
}

// scan reads the lines that begin between two places, the first of which is the beginning of one.
func (p packedRefs) scan(low, high int64) (plumbing.Hash, bool, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(p.file, low, p.size-low), 64<<10)
	for low < high {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return plumbing.ZeroHash, false, err
		}
		low += int64(len(line))
		// The cheap look first: nearly every line is somebody else's.
		if text := bytes.TrimRight(line, "\r\n"); line[0] == '#' || !bytes.HasSuffix(text, []byte(p.name)) {
			continue
		}
		hash, name, err := splitRef(line)
		if err != nil {
			return plumbing.ZeroHash, false, err
		}
		if name == p.name {
			return hash, true, nil
		}
	}
	return plumbing.ZeroHash, false, nil
}

// readLine returns a line with its end. It is good until the next one is read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		if errors.Is(err, io.EOF) && len(line) > 0 {
			return nil, errOddRef // the last line has no end: whoever writes the file is not done
		}
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) <= maxRefLine {
		line, err = r.ReadSlice('\n')
		long = append(long, line...)
	}
	if err != nil {
		return nil, errOddRef
	}
	return long, nil
}

// splitRef takes a line of packed-refs apart.
func splitRef(line []byte) (plumbing.Hash, string, error) {
	hash, name, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
	if !ok || !plumbing.IsHash(hash) || name == "" {
		return plumbing.ZeroHash, "", errOddRef
	}
	return plumbing.NewHash(hash), name, nil
}
