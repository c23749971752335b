package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/hint"
	"sallyport/agent/repo/inflated"
	"sallyport/agent/repo/odb"
)

// tree reads a directory of a checkout.
func (w *checkout) tree(h plumbing.Hash) (*object.Tree, error) {
	content, kept := w.from.Kept.Read(plumbing.TreeObject, h)
	if !kept {
		var err error
		if content, err = odb.ReadObject(w.from.Mirror, plumbing.TreeObject, h, odb.MaxTreeBytes); err != nil {
			return nil, err
		}
		w.from.Kept.Add(h, content)
	}
	w.read += int64(len(content))
	return odb.ParseTree(h, content)
}

// blob is what a file of a commit holds.
type blob struct {
	size    int64
	content []byte                 // of one that fits into memory
	stored  plumbing.EncodedObject // the mirror's; nil if it was not asked
}

// blob finds what a file holds.
func (w *checkout) blob(h plumbing.Hash) (blob, error) {
	if content, kept := w.from.Kept.Read(plumbing.BlobObject, h); kept {
		return blob{size: int64(len(content)), content: content}, nil
	}
	if size, kept := w.from.Kept.Find(h); kept {
		return blob{size: size}, nil
	}
	return w.mirrored(h)
}

// mirrored finds it in the mirror.
func (w *checkout) mirrored(h plumbing.Hash) (blob, error) {
	o, err := w.from.Mirror.EncodedObject(plumbing.BlobObject, h)
	if err != nil {
		return blob{}, odb.Damage(h, err)
	}
	b := blob{size: o.Size(), stored: o}
	if b.size <= inflated.MaxWhole {
		if b.content, err = odb.ReadObject(w.from.Mirror, plumbing.BlobObject, h, inflated.MaxWhole); err != nil {
			return blob{}, err
		}
		w.from.Kept.Add(h, b.content)
	}
	return b, nil
}

// takes counts a file's bytes.
func (w *checkout) takes(b blob) error {
	w.read += b.size
	if w.bytes += b.size; w.bytes > w.options.MaxBytes {
		return odb.TooLarge("more than %d bytes", w.options.MaxBytes)
	}
	return nil
}

// file writes a file that the commit holds.
func (w *checkout) file(root *os.Root, e object.TreeEntry, name string, perm fs.FileMode) error {
	b, err := w.blob(e.Hash)
	if err == nil {
		err = w.takes(b)
	}
	if err != nil {
		return err
	}
	f, err := root.OpenFile(e.Name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return written(name, err)
	}
	if b.size <= inflated.MaxWhole {
		err = w.small(f, b.content, name)
	} else {
		err = w.large(f, e.Hash, name, b)
	}
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = written(name, closeErr)
	}
	return err
}

// small writes a file whose content fits into memory, and looks at it first.
func (w *checkout) small(f *os.File, content []byte, name string) error {
	if isPointer(content) && w.needed(name) {
		return hint.With(&FileError{Path: name, Why: "is a git LFS pointer", err: ErrLFS}, "git LFS is not run here: commit the file itself, or keep it out of the stack's directory and modules")
	}
	_, err := f.Write(content)
	return written(name, err)
}

// large writes a file of any size and computes its hash on the way.
func (w *checkout) large(f *os.File, h plumbing.Hash, name string, b blob) error {
	if b.stored == nil {
		whole, err := w.from.Kept.Copy(f, plumbing.BlobObject, h)
		if err == nil && !whole { // it is not what it had been: once more, from the beginning
			_, err = f.Seek(0, io.SeekStart)
			err = errors.Join(err, f.Truncate(0))
		}
		if err != nil || whole {
			return written(name, err)
		}
		w.bytes -= b.size
		if b, err = w.mirrored(h); err == nil {
			err = w.takes(b)
		}
		if err != nil {
			return err
		}
	}
	if b.content != nil {
		return w.small(f, b.content, name)
	}
	if err := copyBlob(f, b.stored, h); err != nil {
		return err
	}
	w.from.Kept.AddFile(h, f, b.size)
	return nil
}

// copyBlob writes a file of any size and computes its hash on the way.
func copyBlob(f *os.File, o plumbing.EncodedObject, want plumbing.Hash) error {
	r, err := o.Reader()
	if err != nil {
		return odb.Damage(want, err)
	}
	defer r.Close()
	sum := plumbing.NewHasher(plumbing.BlobObject, o.Size())
	if _, err := io.Copy(io.MultiWriter(f, sum), r); err != nil {
		return odb.Damage(want, err)
	}
	if sum.Sum() != want {
		return odb.Damage(want, errors.New("content does not match its hash"))
	}
	return nil
}
