"""Makes the tokenizers beside this file, with Hugging Face's tokenizers 0.23.2: python tokenizers.py"""

import pathlib
import random

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
TEXT = (HERE.parent / "moby-dick.txt").read_text(encoding="utf-8")


def byte_level(text, size, min_frequency, special, name):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [text],
        trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=min_frequency,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.save(str(HERE / name))


def few_letters(seed):
    """Words of three letters' alphabet, whose pairs come and go and tie all the time."""
    numbers = random.Random(seed)
    words = ["".join(numbers.choices("abc", k=numbers.randint(1, 12))) for _ in range(300)]
    return " ".join(numbers.choices(words, k=2000))


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        [TEXT, " ".join(chr(c) for c in (*range(0x21, 0x600), *range(0x4E00, 0x4F00)))],
        trainers.WordPieceTrainer(vocab_size=3000, special_tokens=special, show_progress=False),
    )
    ids = {token: tokenizer.token_to_id(token) for token in special}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.save(str(HERE / "wordpiece.json"))


byte_level(TEXT, 1024, 2, ["<|endoftext|>"], "bpe-moby-dick.json")
for seed in range(3):
    text = few_letters(seed)
    (HERE / f"few-letters-{seed}.txt").write_text(text, encoding="utf-8")
    byte_level(text, 1000, 1, [], f"bpe-few-letters-{seed}.json")
word_piece()
