package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"sallyport/store/recall"
	"sallyport/store/stamp"
)

const (
	defaultTimeout = 2 * time.Second
	defaultMaxSize = 1<<31 - 1 // bytes; far above what records need, far below a full disk
	mode           = 0o600     // plans and people's words are nobody else's business

	// initialMap is address space, not memory. As long as the file is smaller, growing it needs no new mapping, which
	// would wait for every reader: a backup through a slow pipe would stop the agent.
	initialMap = 64 << 20
	// growth is how much the file grows at a time. bbolt's own 16 MiB would be the size of an empty store.
	growth = 1 << 20
)

// Options say how to open a store.
type Options struct {
	Path     string           // the file; its directory must exist
	ReadOnly bool             // Update fails; works while no other process has the file open for writing
	Timeout  time.Duration    // how long to wait for the file's lock; default 2s
	Now      func() time.Time // the clock of every stored time; default time.Now
	MaxSize  int              // bytes that the file may not outgrow; default 2 GiB
	Fenced   bool             // Update fails until Replicate says who leads; opening does not bring the store forward
}

func (o Options) validate() (Options, error) {
	if o.Path == "" {
		return o, errors.New("no path given")
	}
	if o.Timeout < 0 || o.MaxSize < 0 {
		return o, errors.New("timeout and maximum size cannot be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout // bbolt would wait for ever
	}
	if o.MaxSize == 0 {
		o.MaxSize = defaultMaxSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// A Store is an open file. Its methods may be called from any number of goroutines.
type Store struct {
	path string
	now  func() time.Time
	db   *bbolt.DB
	file *os.File // bbolt's own, to let go of the lock when bbolt cannot any more

	written recall.Log // which transaction has written what last

	fenced bool // see Options.Fenced

	mu     sync.Mutex
	leader *Leader // who may write a store that others share; nil if nobody, and for a store that shares nothing
	// broken is set when bbolt panicked and may have left its writer's lock taken: the next writer would wait for ever.
	broken error
}

// Open opens the store at o.Path, and makes it first if it is missing and o.ReadOnly is not set. Errors are ErrLocked
// if another process has it, ErrNewerSchema, ErrDamaged, ErrFull, and those of the file system (fs.ErrNotExist).
// After ErrDamaged do not try again in the same process: the file must be moved aside.
func Open(o Options) (*Store, error) {
	o, err := o.validate()
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if !o.ReadOnly {
		if err := ensure(o); err != nil {
			return nil, fmt.Errorf("creating store %s: %w", o.Path, err)
		}
	}
	s, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", o.Path, err)
	}
	if err := s.prepare(o); err != nil {
		return nil, fmt.Errorf("opening store %s: %w", o.Path, errors.Join(err, s.Close()))
	}
	return s, nil
}

// open opens a file that exists.
func open(o Options) (s *Store, err error) {
	// bbolt takes an empty file for a new one and fills it in. For us it is a lost store.
	info, err := os.Stat(o.Path)
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, &DamagedError{Err: errors.New("the file is empty")}
	}
	s = &Store{path: o.Path, now: o.Now, fenced: o.Fenced}
	// bbolt panics over a broken list of free pages, and keeps file and lock open then: close the file ourselves, or
	// nobody could open it again before this process ends.
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(&DamagedError{Err: fmt.Errorf("bbolt: %v", p)}, s.file.Close())
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	options := &bbolt.Options{
		Timeout:      o.Timeout,
		ReadOnly:     o.ReadOnly,
		FreelistType: bbolt.FreelistMapType,
		MaxSize:      o.MaxSize,
		NoStatistics: true,
		OpenFile: func(name string, flag int, perm fs.FileMode) (*os.File, error) {
			// Without O_CREATE a file that vanishes right now is an error, not an empty store.
			f, err := os.OpenFile(name, flag&^os.O_CREATE, perm)
			s.file = f
			return f, err
		},
	}
	if !o.ReadOnly {
		options.InitialMmapSize = initialMap
	}
	s.db, err = bbolt.Open(o.Path, mode, options)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, lockedBy(o.Path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, &DamagedError{Err: err}
	case err != nil && info.Size() < 2*int64(os.Getpagesize()):
		return nil, &DamagedError{Err: err} // bbolt has no name for a file that is too short
	case err != nil:
		return nil, explain(err)
	}
	s.db.AllocSize = growth
	return s, nil
}

// prepare reads the schema, brings an older one forward, and adds the buckets that an older version of the program did
// not make.
func (s *Store) prepare(o Options) error {
	missing, have := false, schema{}
	err := s.View(func(tx *Tx) (err error) {
		if have, err = tx.schema(o.Path); err != nil {
			return err
		}
		for _, name := range buckets() {
			missing = missing || tx.bolt.Bucket([]byte(name)) == nil
		}
		return nil
	})
	if err != nil || o.ReadOnly {
		return err
	}
	if o.Fenced {
		if !missing {
			return nil
		}
		return s.follow(func(tx *Tx) error { return makeBuckets(tx.bolt) })
	}
	if err := s.migrate(have, newestSchema(), migrations()); err != nil || !missing {
		return err
	}
	return s.Update(func(tx *Tx) error {
		tx.dirty = true
		return makeBuckets(tx.bolt)
	})
}

// Path is where the store's file lies, as it was given to Open.
func (s *Store) Path() string { return s.path }

// Close waits for transactions and lets go of the file. A second Close does nothing.
func (s *Store) Close() error {
	if s.brokenBy() != nil {
		// Close would wait for the lock that bbolt never gives back; the mapping goes with the process.
		if err := s.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			return fmt.Errorf("closing store %s: %w", s.path, err)
		}
		return nil
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing store %s: %w", s.path, err)
	}
	return nil
}

// View calls fn with a transaction that reads one moment of the store. The error is fn's own.
func (s *Store) View(fn func(*Tx) error) error {
	tx, err := s.begin(reading)
	if err != nil {
		return fmt.Errorf("beginning to read the store: %w", err)
	}
	defer func() { _ = tx.bolt.Rollback() }() // of a reading transaction, it cannot fail
	// A broken page can send bbolt anywhere: make that a panic, which ends as ErrDamaged, not the end of the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return fn(tx)
}

// Update calls fn with a transaction that may change the store, and commits if fn returns nil. Otherwise nothing is
// changed and the error is fn's own. Errors of the commit are ErrFull, ErrDamaged or those of the file system. A store that others
// share is written by its leader alone, and what is not recorded is not committed; anybody else gets ErrNotLeading.
func (s *Store) Update(fn func(*Tx) error) error {
	tx, err := s.begin(writing)
	if err != nil {
		return fmt.Errorf("beginning to write the store: %w", err)
	}
	defer s.rollback(tx)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // as in View
	leader, err := s.leads(tx)
	if err != nil {
		return fmt.Errorf("beginning to write the store: %w", err)
	}
	if leader != nil {
		tx.changes = recall.Names{}
	}
	if err := fn(tx); err != nil {
		return err
	}
	if tx.failed != nil {
		return tx.failed
	}
	if !tx.dirty {
		return nil // rolled back; a commit would write and sync two pages for nothing
	}
	s.written.Note(tx.bolt.ID(), tx.writes)
	if leader != nil {
		if err := s.record(leader, tx); err != nil {
			return fmt.Errorf("writing store %s: %w", s.path, err)
		}
	}
	if err := s.commit(tx); err != nil {
		if tx.recorded {
			s.Fence() // what it says is older than what was recorded
			leader.Lost(err)
		}
		return fmt.Errorf("writing store %s: %w", s.path, err)
	}
	return nil
}

// WriteTo writes a copy of the whole file as of now to w, while the store goes on being used. The copy can be opened
// by Open.
func (s *Store) WriteTo(w io.Writer) (int64, error) {
	var n int64
	err := s.View(func(tx *Tx) error {
		var err error
		n, err = tx.bolt.WriteTo(w)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("copying store %s: %w", s.path, err)
	}
	return n, nil
}

// access is what a transaction may do.
type access bool

const (
	reading access = false
	writing access = true
)

func (s *Store) begin(a access) (tx *Tx, err error) {
	if err := s.brokenBy(); err != nil {
		return nil, err
	}
	defer s.guard(&err)
	b, err := s.db.Begin(bool(a))
	if err != nil {
		return nil, err
	}
	return &Tx{bolt: b, now: stamp.Cut(s.now())}, nil
}

// commit commits. After a panic in the middle of it nothing is tried again in this process: bbolt's list of free pages may be
// half of one state and half of another, and what is written by it could overwrite what is in use.
func (s *Store) commit(tx *Tx) (err error) {
	defer s.guard(&err)
	return explain(tx.bolt.Commit())
}

// rollback ends a writing transaction that was not committed, also when fn or bbolt panicked.
func (s *Store) rollback(tx *Tx) {
	if tx.bolt.DB() == nil {
		return // committed, or rolled back by the failed commit
	}
	var err error
	defer s.guard(&err)
	_ = tx.bolt.Rollback() // fails for ended transactions only
}

// guard turns a panic of bbolt into an error, from where on the store refuses everything. For use with defer.
func (s *Store) guard(err *error) {
	p := recover()
	if p == nil {
		return
	}
	*err = &DamagedError{Err: fmt.Errorf("bbolt: %v", p)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = *err
}

// Broken says why the store refuses everything from now on; nil as long as it works. It is so after bbolt panicked where it
// may have left its own memory of the file half changed. Nobody can trust what this process would read or write then; the file
// is as the last commit left it, and another process finds it so.
//
// A panic of the function given to Update or View is nothing of the kind: the transaction is rolled back, the panic goes on to
// the caller.
func (s *Store) Broken() error { return s.brokenBy() }

func (s *Store) brokenBy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}
