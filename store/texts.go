package store

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	maxText       = 16 << 20  // bytes of a plan's text: a bound for what reading one back can cost
	maxCompressed = 512 << 10 // bytes of it in the store: bbolt keeps records, not megabytes
	textWindow    = 512 << 10 // bytes of zstd's window: the default would cost the agent 16 MiB per plan
)

// PutPlanText keeps the text of a run's plan. ErrTooLarge if it is larger than 16 MiB, or than 512 KiB compressed;
// nothing was written then and the transaction may go on.
func (tx *Tx) PutPlanText(run int, text string) error {
	packed, err := pack(text)
	if err != nil {
		return fmt.Errorf("keeping the plan text of run #%d: %w", run, err)
	}
	if err := tx.put(bucketTexts, number(run), packed); err != nil {
		return fmt.Errorf("keeping the plan text of run #%d: %w", run, err)
	}
	return nil
}

// PlanText returns the text of a run's plan, or ErrNotFound.
func (tx *Tx) PlanText(run int) (string, error) {
	packed, err := tx.payload(bucketTexts, number(run))
	if err != nil {
		return "", fmt.Errorf("reading the plan text of run #%d: %w", run, err)
	}
	if packed == nil {
		return "", fmt.Errorf("plan text of run #%d: %w", run, ErrNotFound)
	}
	text, err := unpack(packed)
	if err != nil {
		return "", fmt.Errorf("reading the plan text of run #%d: %w", run, &DamagedError{Bucket: bucketTexts, Key: keyText(bucketTexts, number(run)), Err: err})
	}
	return text, nil
}

func pack(text string) ([]byte, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%d bytes: %w", len(text), ErrTooLarge)
	}
	// A coder for each text: they are rare, and a kept one would hold its tables in memory for ever.
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(textWindow), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, err
	}
	packed := w.EncodeAll([]byte(text), nil)
	if err := w.Close(); err != nil {
		return nil, err
	}
	if len(packed) > maxCompressed {
		return nil, fmt.Errorf("%d bytes compressed: %w", len(packed), ErrTooLarge)
	}
	return packed, nil
}

func unpack(packed []byte) (string, error) {
	if len(packed) == 0 {
		return "", errors.New("the text is empty") // not even an empty text packs to nothing
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxText))
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := r.DecodeAll(packed, nil)
	if err != nil {
		return "", err
	}
	return string(text), nil
}
