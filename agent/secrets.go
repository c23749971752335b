package agent

import (
	"slices"
	"sync"

	"sallyport/notify/redact"
)

// maxMinted is how many tokens that were made for us are remembered. Each lasts an hour; what was printed in it may be
// shown later.
const maxMinted = 24

// secrets are all values that nobody may see.
type secrets struct {
	mu     sync.Mutex
	kept   []redact.Secret // of every configuration that was in force: old logs and applies that run still print them
	minted []redact.Secret // made for us, newest last
}

// keep adds the secrets of a configuration and returns the redactor for all.
func (s *secrets) keep(more []redact.Secret) *redact.Redactor {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(slices.Clip(s.kept), more...)
	return s.redactor()
}

// mint adds a token that was made for us and returns the redactor for all; nil if it is known.
func (s *secrets) mint(token redact.Secret) *redact.Redactor {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token.IsZero() || slices.Contains(s.minted, token) || slices.Contains(s.kept, token) {
		return nil
	}
	s.minted = append(s.minted[max(0, len(s.minted)-maxMinted+1):len(s.minted):len(s.minted)], token)
	return s.redactor()
}

func (s *secrets) redactor() *redact.Redactor {
	return redact.New(append(slices.Clip(s.kept), s.minted...)...)
}
