package pack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"golang.org/x/sys/unix"

	"sallyport/agent/repo/odb"
)

// Verb makes this program the child process that unpacks, indexes and packs for one repository; see [Main].
const Verb = "repository-work"

// resultFD is the descriptor that the child answers on.
const resultFD = 3

// Main is the child process. The first line of its input is an order; the answer goes to descriptor 3. It limits its own memory
// first.
func Main(args []string) int {
	result := os.NewFile(resultFD, "result")
	var o Order
	stdin := bufio.NewReaderSize(os.Stdin, 64<<10)
	line, err := stdin.ReadBytes('\n')
	if len(args) != 0 || err != nil || json.Unmarshal(line, &o) != nil {
		fmt.Fprintf(os.Stderr, "sallyport: error: %s is not for people: the agent starts it\n", Verb)
		return 64
	}
	out := &outcome{}
	if err := LimitMemory(memoryFor(o.MaxObject)); err != nil {
		out.Failure = packFailure(err)
	} else if err := o.carryOut(context.Background(), stdin, out); err != nil {
		out.Failure = packFailure(err)
	}
	if err := json.NewEncoder(result).Encode(out); err != nil {
		return 1
	}
	return 0
}

// memoryFor is how much memory the child gets. Unpacking takes about 4.6 times the largest object, and about a kilobyte for each.
func memoryFor(maxObject int64) int64 { return 350<<20 + maxObject*46/10 }

// LimitMemory makes this process die before it takes more memory than that beyond what it has now.
func LimitMemory(limit int64) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("limiting memory: %w", err)
	}
	now := int64(0)
	for line := range strings.Lines(string(status)) {
		if text, is := strings.CutPrefix(line, "VmData:"); is {
			now, err = strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
		}
	}
	if err != nil || now == 0 {
		return errors.New("limiting memory: /proc/self/status does not tell VmData")
	}
	all := uint64(now<<10 + limit)
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: all, Max: all}); err != nil {
		return fmt.Errorf("limiting memory: %w", err)
	}
	debug.SetMemoryLimit(limit / 4 * 3)
	return nil
}

// carryOut does what is asked for.
func (o Order) carryOut(ctx context.Context, stdin io.Reader, out *outcome) error {
	limits := newLimits(o.MaxObject)
	if o.Kind == OrderReceive {
		_, _, err := placePack(o.Dir, func(w io.Writer) error { return receive(ctx, stdin, w, limits) })
		return err
	}
	// The agent holds the other end as long as it lives. What works on for nobody would be in the way of the next agent.
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		os.Exit(1)
	}()
	switch o.Kind {
	case OrderCopy:
		return o.copy(ctx, limits)
	case OrderCarry:
		return o.carry(ctx, out)
	case OrderJoin:
		return o.join(out)
	}
	return fmt.Errorf("%q is not an order", o.Kind)
}

// receive passes a pack on and looks at each object's size before anything is expanded. What follows the pack is not read.
func receive(ctx context.Context, r io.Reader, w io.Writer, limits *limits) error {
	scanner := packfile.NewScanner(io.TeeReader(r, w))
	if _, err := limits.scan(ctx, scanner); err != nil {
		return err
	}
	_, err := scanner.Checksum()
	return err
}

func (o Order) copy(ctx context.Context, limits *limits) error {
	tip, err := odb.ParseHash(o.Tip)
	if err != nil {
		return err
	}
	src, dst := odb.OpenStorage(o.Source), odb.OpenStorage(o.Dir)
	defer odb.CloseQuietly(src)
	defer odb.CloseQuietly(dst)
	return explainSource(o.Shown, copyHistory(ctx, copying{src: src, dst: dst, limits: limits}, tip))
}

func (o Order) carry(ctx context.Context, out *outcome) error {
	src, dst := odb.OpenStorage(o.Source), odb.OpenStorage(o.Dir)
	defer odb.CloseQuietly(src)
	defer odb.CloseQuietly(dst)
	out.Lost = map[string]failure{}
	for _, text := range o.Tips {
		tip, err := odb.ParseHash(text)
		if err == nil {
			err = copyMissing(ctx, copying{src: src, dst: dst}, tip)
		}
		if err != nil {
			out.Lost[text] = *packFailure(err)
		}
	}
	return nil
}

func (o Order) join(out *outcome) error {
	names, pack, err := joinSmall(o.Dir)
	if err != nil {
		return err
	}
	out.Joined, out.Pack = names, pack
	return nil
}
