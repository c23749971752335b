package transport

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A large pack is indexed for longer than a connection may be silent. That is no stall, and what is silent afterwards is one.
func TestUnpackingIsNoStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &activity{}
		ctx, stop := a.watch(context.Background(), time.Minute)
		defer stop()
		pack := &lastByte{Reader: strings.NewReader("PACK"), activity: a}
		if _, err := io.Copy(io.Discard, pack); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Minute) // of the bubble: the child works
		synctest.Wait()
		if err := context.Cause(ctx); err != nil {
			t.Errorf("while the pack is unpacked: %v", err)
		}
		pack.done()
		<-time.After(3 * time.Minute)
		synctest.Wait()
		if err := context.Cause(ctx); !errors.Is(err, ErrStalled) {
			t.Errorf("when nothing comes after it: %v", err)
		}
	})
}
