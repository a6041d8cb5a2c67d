package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// ReadAnswer reads the body of a broker's answer whole, checked before as
// strictly as Decode checks a request: a broker that lies about a count keeps
// nobody busy. An answer without a shape is never decoded, and tagged fields that
// nobody knows are left out.
func ReadAnswer(key, version int16, body []byte) (kmsg.Response, error) {
	s, ok := answers[key]
	if !ok || version < 0 || version > kmsg.RequestForKey(key).MaxVersion() {
		return nil, fault.New(fault.Unsupported, "an answer to API key %d version %d is not decoded", key, version)
	}
	r := reader{b: body}
	if err := s.check(version, &r, "answer"); err != nil {
		return nil, err
	}
	resp := kmsg.ResponseForKey(key)
	resp.SetVersion(version)
	if err := resp.ReadFrom(body); err != nil {
		return nil, fault.New(fault.Malformed, "a %s answer cannot be decoded", s.name).Because(err)
	}
	if r.unknown {
		forgetUnknown(resp)
	}
	return resp, nil
}

// answers says how the answers look that are decoded, as shapes does for
// requests.
var answers = compileAll(map[int16]definition{
	0:  {9, "{ 0-12:str 13+:uuid { i32 i16 i64 2+:i64 5+:i64 8+:{ i32 str? } 8+:str? t0:( i32 i32 ) } } 1+:i32 t0:{ i32 str i32 str? }"},
	1:  {12, "1+:i32 7+:i16 7+:i32 { 0-12:str 13+:uuid { i32 i16 i64 4+:i64 5+:i64 4+:{ i64 i64 }? 11+:i32 bytes? t0:( i32 i64 ) t1:( i32 i32 ) t2:( i64 i32 ) } } t0:{ i32 str i32 str? }"},
	2:  {6, "2+:i32 { str { i32 i16 0-0:[ i64 ] 1+:i64 1+:i64 4+:i32 } }"},
	3:  {9, "3+:i32 { i32 str i32 1+:str? } 2+:str? 1+:i32 { i16 0-11:str 12+:str? 10+:uuid 1+:i8 { i16 i32 i32 7+:i32 [ i32 ] [ i32 ] 5+:[ i32 ] } 8+:i32 } 8-10:i32 13+:i16"},
	8:  {8, "3+:i32 { 0-9:str 10+:uuid { i32 i16 } }"},
	9:  {6, "3+:i32 0-7:{ str { i32 i64 5+:i32 str? i16 } } 2-7:i16 8+:{ str { 8-9:str 10+:uuid { i32 i64 i32 str? i16 } } i16 }"},
	10: {3, "1+:i32 0-3:i16 1-3:str? 0-3:i32 0-3:str 0-3:i32 4+:{ str i32 str i32 i16 str? }"},
	11: {6, "2+:i32 i16 i32 7+:str? 0-6:str 7+:str? str 9+:i8 str { str 5+:str? bytes }"},
	12: {4, "1+:i32 i16"},
	13: {4, "1+:i32 i16 3+:{ str str? i16 }"},
	14: {4, "1+:i32 i16 5+:str? 5+:str? bytes"},
	15: {5, "1+:i32 { i16 6+:str? str str str str { str 4+:str? str str bytes bytes } 3+:i32 }"},
	16: {3, "1+:i32 i16 { str str 4+:str 5+:str }"},
	17: {never, "i16 [ str ]"},
	18: {3, "i16 { i16 i16 i16 } 1+:i32 t0:{ str i16 i16 } t1:i64 t2:{ str i16 i16 } t3:i8"},
	19: {5, "2+:i32 { str 7+:uuid i16 1+:str? 5+:i32 5+:i16 5+:{ str str? i8 i8 i8 }? t0:i16 }"},
	20: {4, "1+:i32 { 0-5:str 6+:str? 6+:uuid i16 5+:str? }"},
	21: {2, "i32 { str { i32 i64 i16 } }"},
	22: {2, "i32 i16 i64 i16"},
	23: {4, "2+:i32 { str { i16 i32 1+:i32 i64 } }"},
	24: {3, "i32 4+:i16 4+:{ str { str { i32 i16 } } } 0-3:{ str { i32 i16 } }"},
	25: {3, "i32 i16"},
	26: {3, "i32 i16 5+:i64 5+:i16"},
	28: {3, "i32 { 0-5:str 6+:uuid { i32 i16 } }"},
	29: {2, "i32 i16 str? { i8 str 1+:i8 { str str i8 i8 } }"},
	30: {2, "i32 { i16 str? }"},
	31: {2, "i32 { i16 str? { i16 str? i8 str 1+:i8 str str i8 i8 } }"},
	32: {4, "i32 { i16 str? i8 str { str str? i8 0-0:i8 1+:i8 i8 1+:{ str str? i8 } 3+:i8 3+:str? } }"},
	33: {2, "i32 { i16 str? i8 str }"},
	35: {2, "i32 3+:i16 { i16 str { str { i32 i64 i64 i8 } } 4+:i64 4+:i64 5+:i8 }"},
	36: {2, "i16 str? bytes 1+:i64"},
	37: {2, "i32 { str i16 str? }"},
	42: {2, "i32 { str i16 3+:str? }"},
	43: {2, "i32 1+:i16 { str { i32 i16 str? } }"},
	44: {1, "i32 { i16 str? i8 str }"},
	45: {0, "i32 1+:i8 i16 str? { str { i32 i16 str? } }"},
	46: {0, "i32 i16 str? { str { i32 [ i32 ] [ i32 ] [ i32 ] } }"},
	47: {never, "i16 i32 { str { i32 i16 } }"},
	48: {1, "i32 i16 str? { { str str? } { str i64 } }?"},
	49: {1, "i32 { i16 str? { str str? } }"},
	50: {0, "i32 i16 str? { str i16 str? { i8 i32 } }"},
	55: {0, "i16 2+:str? { str { i32 i16 2+:str? i32 i32 i64 { i32 2+:uuid i64 1+:i64 1+:i64 } { i32 2+:uuid i64 1+:i64 1+:i64 } } } 2+:{ i32 { str str i16 } }"},
	60: {0, "i32 i16 str? 1+:i8 str i32 { i32 str i32 str? 2+:i8 } i32"},
	61: {0, "i32 { str { i32 i16 str? { i64 i32 i32 i64 i32 i64 } } }"},
	65: {0, "i32 { i16 str str i32 i64 i64 i16 { str [ i32 ] } }"},
	66: {0, "i32 i16 [ str ] { str i64 str }"},
	68: {0, "i32 i16 str? str? i32 i32 ( { uuid [ i32 ] } )?"},
	69: {0, "i32 { i16 str? str str i32 i32 str { str str? str? i32 str str [ str ] str? ( { uuid str [ i32 ] } ) ( { uuid str [ i32 ] } ) 1+:i8 } i32 }"},
	74: {0, "i32 i16 { str 1+:i8 }"},
	75: {0, "i32 { i16 str? uuid i8 { i16 i32 i32 i32 [ i32 ] [ i32 ] [ i32 ]? [ i32 ]? [ i32 ] } i32 } ( str i32 )?"},
	76: {0, "i32 i16 str? str? i32 i32 ( { uuid [ i32 ] } )?"},
	77: {0, "i32 { i16 str? str str i32 i32 str { str str? i32 str str [ str ] ( { uuid str [ i32 ] } ) } i32 }"},
	78: {0, "i32 i16 str? 1+:i32 { uuid { i32 i16 str? i16 str? ( i32 i32 ) bytes? { i64 i64 i16 } } } { i32 str i32 str? }"},
	79: {0, "i32 i16 str? 2+:i32 { uuid { i32 i16 str? ( i32 i32 ) } } { i32 str i32 str? }"},
	88: {0, "i32 i16 str? str i32 i32 0-0:i32 i32 1+:i64 { i8 str }? { str [ i32 ] }? { str [ i32 ] }? { str [ i32 ] }? 1+:i8 i32 { ( str i16 ) { str [ i32 ] } { str [ i32 ] } }?"},
	89: {0, "i32 { i16 str? str str i32 i32 ( i32 { str [ str ] [ str ] { str i32 i16 { str str } } { str i32 i16 { str str } } }? )? { str i32 str? str? str str i32 str ( str i16 )? { str str } { str i32 i64 } { str i32 i64 } ( { str [ i32 ] } { str [ i32 ] } { str [ i32 ] } ) ( { str [ i32 ] } { str [ i32 ] } { str [ i32 ] } ) i8 } i32 1+:( { str { str i8 [ str ] str? [ str ] [ str ] } } { ( str i8 [ str ] str? [ str ] [ str ] ) ( str i8 [ str ] str? [ str ] [ str ] ) } )? 1+:i8 1+:str? }"},
	90: {0, "i32 { str { str uuid { i32 i64 i32 1+:i64 i16 str? } } i16 str? }"},
	91: {0, "i32 i16 str? { str uuid { i32 i16 str? } }"},
	92: {0, "i32 i16 str? { str uuid i16 str? }"},
})
