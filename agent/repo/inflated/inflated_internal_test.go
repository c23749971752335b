package inflated

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// A disk that takes nothing more: what was kept is still read, what was not is not said to be, and nobody is told.
func TestWritingFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inflated")
	first, second := []byte("first"), []byte("second")
	s := Open(path)
	s.Add(plumbing.ComputeHash(plumbing.BlobObject, first), first)
	s.Done(0)
	s.Close()
	s = Open(path)
	writable := s.file
	defer func() { _ = writable.Close() }()
	var err error
	if s.file, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := plumbing.ComputeHash(plumbing.BlobObject, second)
	for range 2 {
		s.Add(h, second)
		s.Done(0)
		s.AddFile(h, s.file, int64(len(second)))
		if _, kept := s.Find(h); kept {
			t.Error("what could not be written is said to be kept")
		}
		if content, kept := s.Read(plumbing.BlobObject, plumbing.ComputeHash(plumbing.BlobObject, first)); !kept || string(content) != "first" {
			t.Errorf("what was kept is %q, %v", content, kept)
		}
	}
	if _, kept := s.Read(plumbing.TreeObject, plumbing.ComputeHash(plumbing.BlobObject, first)); kept {
		t.Error("a file was read as a directory")
	}
}

// What commits used that nobody asks for any more does not fill the disk.
func TestStartsAnew(t *testing.T) {
	t.Parallel()
	s := Open(filepath.Join(t.TempDir(), "inflated"))
	defer s.Close()
	content := make([]byte, 1<<20)
	var last plumbing.Hash
	for n := range 40 {
		content[0] = byte(n)
		last = plumbing.ComputeHash(plumbing.BlobObject, content)
		s.Add(last, content)
		if s.size > 2*int64(len(content))+spare+headBytes*40 {
			t.Fatalf("the file has %d bytes", s.size)
		}
		s.Done(int64(len(content)))
	}
	if size, kept := s.Find(last); !kept || size != 1<<20 {
		t.Error("it starts anew at each checkout")
	}
	if other := Open(s.file.Name()); other != nil {
		t.Error("two have the file open")
	}
}
