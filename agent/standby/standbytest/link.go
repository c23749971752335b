package standbytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Link is what two sides of a network have between them. It is whole, or slow, or it swallows what is sent, or it is broken.
type Link struct {
	ways []*way
}

// Cut swallows what is sent from now on, on old connections and new ones, as a firewall does or a cable that is pulled. Nobody is
// told. What was sent meanwhile arrives once the link is healed.
func (l *Link) Cut() { l.set(weather{cut: true}) }

// Break ends all connections and refuses new ones, as a machine does that has just been started again.
func (l *Link) Break() { l.set(weather{broken: true}) }

// Slow makes everything that is sent take so much longer.
func (l *Link) Slow(by time.Duration) { l.set(weather{delay: by}) }

// Heal makes the link whole.
func (l *Link) Heal() { l.set(weather{}) }

func (l *Link) set(w weather) {
	for _, way := range l.ways {
		way.set(w)
	}
}

// weather is what a link is like.
type weather struct {
	cut, broken bool
	delay       time.Duration
}

// way takes connections that one side opens to the other.
type way struct {
	from net.Listener
	to   string // a socket's path

	mu      sync.Mutex
	weather weather
	changed chan struct{}     // closed, and made anew, by each change
	open    map[net.Conn]bool // both ends of each connection

	done    context.Context // ends with the link
	end     context.CancelFunc
	working sync.WaitGroup
}

func newWay(from net.Listener, to string) *way {
	w := &way{from: from, to: to, changed: make(chan struct{}), open: make(map[net.Conn]bool)}
	w.done, w.end = context.WithCancel(context.Background())
	w.working.Go(w.accept)
	return w
}

func (w *way) close() error {
	w.end()
	err := w.from.Close()
	w.hangUp()
	w.working.Wait()
	return err
}

func (w *way) set(to weather) {
	w.mu.Lock()
	w.weather = to
	close(w.changed)
	w.changed = make(chan struct{})
	w.mu.Unlock()
	if to.broken {
		w.hangUp()
	}
}

// now is what the link is like, and what says that this has changed.
func (w *way) now() (weather, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.weather, w.changed
}

func (w *way) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
}

func (w *way) accept() {
	for {
		c, err := w.from.Accept()
		if err != nil {
			return // closed
		}
		w.working.Go(func() { w.carry(c) })
	}
}

// carry joins a new connection with one to the other side, until either ends.
func (w *way) carry(from net.Conn) {
	defer from.Close()
	if !w.passable() {
		return
	}
	to, err := net.Dial("unix", w.to)
	if err != nil {
		return // nobody is there, and whoever asked finds out
	}
	defer to.Close()
	w.note(true, from, to)
	defer w.note(false, from, to)
	if w.done.Err() != nil {
		return // it was closed before these two were noted
	}
	var both sync.WaitGroup
	for _, ends := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			w.pump(ends[1], ends[0])
			_ = from.Close()
			_ = to.Close()
		})
	}
	both.Wait()
}

func (w *way) note(open bool, ends ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range ends {
		if open {
			w.open[c] = true
		} else {
			delete(w.open, c)
		}
	}
}

// pump carries what one end says to the other one.
func (w *way) pump(to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !w.passable() {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			// Nobody at the other end may learn of it over a link that swallows everything.
			w.passable()
			return
		}
	}
}

// passable waits for as long as what is sent takes; false: it does not arrive.
func (w *way) passable() bool {
	began := time.Now()
	for {
		weather, changed := w.now()
		switch {
		case weather.broken || w.done.Err() != nil:
			return false
		case weather.cut:
			select {
			case <-changed:
			case <-w.done.Done():
			}
			continue
		}
		left := weather.delay - time.Since(began)
		if left <= 0 {
			return true
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
		case <-w.done.Done():
		}
		timer.Stop()
	}
}

// closeAll closes links.
func closeAll(ways []*way) error {
	var faults []error
	for _, w := range slices.Backward(ways) {
		if err := w.close(); err != nil {
			faults = append(faults, fmt.Errorf("closing a link: %w", err))
		}
	}
	return errors.Join(faults...)
}
