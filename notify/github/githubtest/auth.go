package githubtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func unauthorized(words string) *answer {
	a := refuse(http.StatusUnauthorized, words)
	return &a
}

// authorize checks the token of a request.
func (s api) authorize(r *request) *answer {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token == "" {
		return unauthorized("Requires authentication")
	}
	r.token, r.login = token, s.opts.Login
	if kind != "Bearer" && kind != "token" || s.revoked {
		return unauthorized("Bad credentials")
	}
	if s.opts.App {
		r.login = appBot
		if until, ok := s.tokens[token]; !ok || !s.opts.Now().Before(until) {
			return unauthorized("Bad credentials")
		}
		return nil
	}
	if token != s.opts.Token {
		return unauthorized("Bad credentials")
	}
	return nil
}

// authorizeApp checks that a request is made by the app itself: with a JSON Web Token that its key has signed.
func (s api) authorizeApp(r *request) *answer {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.key == nil || token == "" {
		return unauthorized("A JSON web token could not be decoded")
	}
	if words := s.refuseJWT(token); words != "" {
		return unauthorized(words)
	}
	return nil
}

// refuseJWT is what GitHub says against a JSON Web Token; empty if nothing.
func (s api) refuseJWT(token string) string {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return undecodable
	}
	var header struct{ Alg string }
	var claims struct {
		Iss string
		Iat int64
		Exp int64
	}
	if decodePart(parts[0], &header) != nil || decodePart(parts[1], &claims) != nil || header.Alg != "RS256" {
		return undecodable
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return undecodable
	}
	now := s.opts.Now().Unix()
	switch {
	case claims.Iss != strconv.Itoa(AppID):
		return "'Issuer' claim ('iss') must be an Integer"
	case claims.Exp <= now || claims.Exp > now+600:
		return "'Expiration time' claim ('exp') is too far in the future"
	case claims.Iat > now+60:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	}
	return ""
}

func decodePart(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (s api) createToken(r *request) answer {
	if r.PathValue("id") != strconv.Itoa(InstallationID) {
		return notFound()
	}
	s.serial++
	token := fmt.Sprintf("ghs_%036d", s.serial)
	until := s.opts.Now().Add(s.opts.TokenLife).UTC().Truncate(time.Second)
	s.tokens[token] = until
	return answer{status: http.StatusCreated, body: map[string]any{
		"token": token, "expires_at": until.Format(time.RFC3339), "permissions": s.grants, "repository_selection": "selected",
	}}
}

func (s api) getApp(*request) answer {
	return answer{status: http.StatusOK, body: map[string]any{"id": AppID, "slug": appSlug, "name": "Sallyport", "permissions": s.grants}}
}

// makeKey gives the app a key. The lock is not needed yet.
func makeKey(s *Server) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making the app's key: %w", err)
	}
	s.key = key
	return nil
}

// KeyPEM is the app's private key as GitHub gives it out.
func (s *Server) KeyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(s.key)})
}

// CAPEM is the certificate of the CA that signed this server's, for `ca_file`.
func (s *Server) CAPEM() []byte { return s.caPEM }

// secure makes a CA and lets the server speak https with a certificate of it.
func secure(s *Server, l net.Listener) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, fmt.Errorf("making the fake's certificate: %w", err)
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	from, until := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Fake CA"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return fail(err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ghe"}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &leafKey.PublicKey, caKey)
	if err != nil {
		return fail(err)
	}
	s.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}}}), nil
}
