package planjson

import (
	"encoding/json"
	"errors"
	"fmt"
)

// eachMember calls f for each member of an object; f must read the value.
func eachMember(dec *json.Decoder, f func(key string) error) error {
	if err := expect(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("unexpected %v in an object", t)
		}
		if err := f(key); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// eachElement calls f for each element of an array; f must read it. A null is an empty array.
func eachElement(dec *json.Decoder, f func() error) error {
	switch err := expect(dec, '['); {
	case errors.Is(err, errNull):
		return nil
	case err != nil:
		return err
	}
	for dec.More() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// errNull says that a null stands where an object or an array was expected.
var errNull = errors.New("null")

// expect reads the delimiter with which a value begins; errNull stands for a null in its place.
func expect(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	switch {
	case err != nil:
		return err
	case t == nil:
		return errNull
	case t != want:
		return fmt.Errorf("expected %v, got %v", want, t)
	}
	return nil
}

// skipValue reads past a value without ever holding all of it.
func skipValue(dec *json.Decoder) error {
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		if d, ok := t.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
		if depth == 0 {
			return nil
		}
	}
}
