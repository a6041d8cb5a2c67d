package api

// shapes says how the requests look that are decoded whole, be it only to answer
// them with their own error, in the notation
// of compile: types in the order of the wire, each with the versions that have
// it when that is not all of them. flex is the first version with tagged
// fields (KIP-482). Source: the message definitions of Apache Kafka,
// clients/src/main/resources/common/message.
var shapes = compileAll(map[int16]definition{
	0:  {9, "3+:str? i16 i32 { 0-12:str 13+:uuid { i32 bytes? } }"}, // before ProduceMin
	1:  {12, "i32 i32 i32 3+:i32 { str { i32 i64 i32 } }"},          // before FetchMin
	2:  {6, "i32 2+:i8 { str { i32 4+:i32 i64 0-0:i32 } } 10+:i32"},
	3:  {9, "{ 10+:uuid 0-9:str 10+:str? }? 4+:i8 8-10:i8 8+:i8"},
	8:  {8, "str 1+:i32 1+:str 7+:str? 2-4:i64 { 0-9:str 10+:uuid { i32 i64 1-1:i64 6+:i32 str? } }"},
	9:  {6, "0-7:str 0-7:{ str [ i32 ] }? 8+:{ str 9+:str? 9+:i32 { 8-9:str 10+:uuid [ i32 ] }? } 7+:i8"},
	10: {3, "0-3:str 1+:i8 4+:[ str ]"},
	11: {6, "str i32 1+:i32 str 5+:str? str { str bytes } 8+:str?"},
	12: {4, "str i32 str 3+:str?"},
	13: {4, "str 0-2:str 3+:{ str str? 5+:str? }"},
	14: {4, "str i32 str 3+:str? 5+:str? 5+:str? { str bytes }"},
	15: {5, "[ str ] 3+:i8"},
	16: {3, "4+:[ str ] 5+:[ str ]"},
	17: {never, "str"},
	18: {3, "3+:str 3+:str 5+:str? 5+:i32"},
	19: {5, "{ str i32 i16 { i32 [ i32 ] } { str str? } } i32 1+:i8"},
	20: {4, "0-5:[ str ] 6+:{ str? uuid } i32"},
	21: {2, "{ str { i32 i64 } } i32"},
	22: {2, "str? i32 3+:i64 3+:i16"},
	23: {4, "3+:i32 { str { i32 2+:i32 i32 } }"},
	24: {3, "0-3:str 0-3:i64 0-3:i16 0-3:{ str [ i32 ] } 4+:{ str i64 i16 i8 { str [ i32 ] } }"},
	25: {3, "str i64 i16 str"},
	26: {3, "str i64 i16 i8"},
	28: {3, "str str i64 i16 3+:i32 3+:str 3+:str? { 0-5:str 6+:uuid { i32 i64 2+:i32 str? } }"},
	30: {2, "{ i8 str 1+:i8 str str i8 i8 }"},
	31: {2, "{ i8 str? 1+:i8 str? str? i8 i8 }"},
	32: {4, "{ i8 str [ str ]? } 1+:i8 3+:i8"},
	33: {2, "{ i8 str { str str? } } i8"},
	36: {2, "bytes"},
	37: {2, "{ str i32 { [ i32 ] }? } i32 i8"},
	42: {2, "[ str ]"},
	43: {2, "1+:i8 { str [ i32 ] }? i32"},
	44: {1, "{ i8 str { str i8 str? } } i8"},
	47: {never, "str { str { i32 } }"},
	49: {1, "{ { str str? } { str i64 i8 } } i8"},
	51: {0, "{ str i8 } { str i8 i32 bytes bytes }"},
	60: {0, "i8 1+:i8 2+:i8"},
	61: {0, "{ str [ i32 ] }"},
	65: {0, "[ str ]"},
	68: {0, "str str i32 str? str? i32 [ str ]? 1+:str? str? { uuid [ i32 ] }?"},
	69: {0, "[ str ] i8"},
	75: {0, "{ str } i32 ( str i32 )?"},
	77: {0, "[ str ] i8"},
	89: {0, "[ str ] i8 1+:i8"},
	90: {0, "{ str { str [ i32 ] }? }"},
})
