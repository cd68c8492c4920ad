"""The table of parts: what stands here for each of fairseq's models, tasks, criterions, optimizers, and so on."""

from collections.abc import Iterator
from dataclasses import dataclass

GROUPS = {
    "--arch": "model",
    "--task": "task",
    "--criterion": "criterion",
    "--optimizer": "optimizer",
    "--lr-scheduler": "lr_scheduler",
    "--bpe": "tokenizer",
    "--tokenizer": "tokenizer",
    "--scoring": "scorer",
}
"""The flag that chooses a part, and the group that it is chosen from here."""

ROWS = {
    "--arch": """
        transformer transformer_tiny transformer_iwslt_de_en transformer_wmt_en_de             | = | | HYDRA
        transformer_wmt_en_de_big transformer_wmt_en_de_big_t2t                                | = | | HYDRA
        transformer_vaswani_wmt_en_de_big transformer_vaswani_wmt_en_fr_big                    | = | | HYDRA
        transformer_lm | = | pre-norm, as all others of its kind | it alone is post-norm, by a default nobody meant
        transformer_lm_big transformer_lm_wiki103 transformer_lm_gbw transformer_lm_gpt        | =
        transformer_lm_gpt2_small transformer_lm_gpt2_medium transformer_lm_gpt2_big           | = | SIZES
        transformer_lm_gpt2_tiny transformer_lm_gpt2_big_wide transformer_lm_gpt2_bigger       | = | SIZES | PRESETS
        transformer_lm_gpt3_small transformer_lm_gpt3_medium transformer_lm_gpt3_large         | = | | PRESETS
        transformer_lm_gpt3_xl transformer_lm_gpt3_2_7 transformer_lm_gpt3_6_7                 | = | | PRESETS
        transformer_lm_gpt3_13 transformer_lm_gpt3_175                                         | = | | PRESETS
        transformer_lm_baevski_wiki103         | transformer_lm_wiki103
        transformer_lm_baevski_gbw             | transformer_lm_gbw
        lstm_lm                                | = | | HYDRA
        multilingual_transformer multilingual_transformer_iwslt_de_en | transformer | one model with language tokens, \
            with task=multilingual_translation
        transformer_align transformer_wmt_en_de_big_align | = | with criterion=ALIGNMENT | HYDRA; without full \
            context `--print-alignment` shows the last layer, not the one that is taught
        lstm lstm_wiseman_iwslt_de_en lstm_luong_wmt_en_de | = | model.adaptive_softmax_cutoff alone says whether the \
            softmax is adaptive | HYDRA; takes only batches that are sorted by length
        fconv fconv_iwslt_de_en fconv_wmt_en_ro fconv_wmt_en_de fconv_wmt_en_fr | not there yet: convolutional models
        fconv_lm fconv_lm_dauphin_wikitext103 fconv_lm_dauphin_gbw              | not there yet: convolutional models
        fconv_self_att fconv_self_att_wp                                        | not there: story generation
        lightconv lightconv_iwslt_de_en lightconv_wmt_en_de                     | not there yet: convolutional models
        lightconv_wmt_en_de_big lightconv_wmt_en_fr_big lightconv_wmt_zh_en_big | not there yet: convolutional models
        lightconv_lm lightconv_lm_gbw                                           | not there yet: convolutional models
        roberta roberta_base roberta_large roberta_prenorm xlm                  | not there yet: MASKED
        masked_lm bert_base bert_large xlm_base                                 | not there: the older masked models
        xlmr camembert gottbert xmod_base xmod_base_13 xmod_base_30 xmod_base_60 | not there yet: MASKED
        xmod_base_75 xmod_large_prenorm                                         | not there yet: MASKED
        roberta_enc_dec transformer_from_pretrained_xlm                         | not there: PRETRAINED
        bart_base bart_large mbart_base mbart_base_wmt20 mbart_large            | not there yet: denoising models
        nonautoregressive_transformer nonautoregressive_transformer_wmt_en_de nacrf_transformer | not there: ITERATIVE
        iterative_nonautoregressive_transformer iterative_nonautoregressive_transformer_wmt_en_de | not there: ITERATIVE
        cmlm_transformer cmlm_transformer_wmt_en_de insertion_transformer       | not there: ITERATIVE
        levenshtein_transformer levenshtein_transformer_wmt_en_de               | not there: ITERATIVE
        levenshtein_transformer_vaswani_wmt_en_de_big levenshtein_transformer_wmt_en_de_big | not there: ITERATIVE
        hf_gpt2                                | gpt2 | | needs the package transformers
        hf_gpt2_medium                         | gpt2_medium | | needs the package transformers
        hf_gpt2_large                          | gpt2_large | | needs the package transformers
        hf_gpt2_xl                             | gpt2_xl | | needs the package transformers
        model_parallel_transformer model_parallel_transformer_lm transformer_lm_megatron | not there: MEGATRON
        transformer_lm_megatron_11b model_parallel_roberta pipeline_parallel_transformer | not there: MEGATRON
        transformer_monotonic transformer_unidirectional | not there: SIMULTANEOUS
    """,
    "--task": """
        translation | = | from raw text, tokenised and indexed once; a data-bin opens too | \
            validation and generation leave out the last sentences where they are no multiple of 8; text has to be \
            tokenised beforehand
        language_modeling | = | from raw text or a data-bin | validation leaves out the last blocks; a data-bin is \
            read from end to end before training
        multilingual_translation | = | one model for all pairs, told apart by language tokens | HYDRA
        translation_multi_simple_epoch | multilingual_translation | weights or a temperature, and a virtual epoch | \
            the ratios of corpora fail outside of distributed training
        multilingual_language_modeling | language_modeling | several corpora with weights or a temperature | \
            refers to a field that is nowhere
        online_backtranslation semisupervised_translation | not there: back-translate with `generate`, and add the \
            result as a corpus with a tag
        translation_from_pretrained_bart translation_from_pretrained_xlm        | not there: PRETRAINED
        masked_lm multilingual_masked_lm                                        | not there yet: MASKED
        denoising multilingual_denoising span_masked_lm                         | not there yet: denoising models
        sentence_prediction sentence_prediction_adapters sentence_ranking       | not there yet: classification
        cross_lingual_lm legacy_masked_lm                                       | not there: the older masked models
        translation_lev                                                         | not there: ITERATIVE
        simul_text_to_text                                                      | not there: SIMULTANEOUS
        dummy_lm dummy_masked_lm dummy_mt | not needed: the embedded corpus needs no files; leave out task.data
        audio_pretraining audio_finetuning audio_classification nlu_finetuning  | not there: SPEECH
        hubert_pretraining multires_hubert_pretraining speech_to_text           | not there: SPEECH
        simul_speech_to_text speech_to_speech text_to_speech frm_text_to_speech | not there: SPEECH
        speech_unit_modeling speech_dlm_task                                    | not there: SPEECH
    """,
    "--criterion": """
        cross_entropy | = | losses in nats; in bits with training.log_base=2
        label_smoothed_cross_entropy | = | smoothing 0.1 if not set, 0 in fairseq
        label_smoothed_cross_entropy_with_alignment | = | task.load_alignments=true | skips what does not fit
        label_smoothed_cross_entropy_with_ctc | = | with model.ctc_upsampling=N | no model for text has what it needs
        label_smoothed_cross_entropy_with_rdrop | = | half of the loss, with alpha as it is | DOUBLED
        adaptive_loss | = | | refuses the usual distributed back ends
        ctc | = | reports token_error_rate in validation
        masked_lm legacy_masked_lm_loss                                 | not there yet: MASKED
        sentence_prediction sentence_prediction_adapters sentence_ranking | not there yet: classification
        nat_loss                                                        | not there: ITERATIVE
        latency_augmented_label_smoothed_cross_entropy                  | not there: SIMULTANEOUS
        composite_loss model | not there: a criterion of yours adds up what a model returns
        vocab_parallel_cross_entropy                                    | not there: MEGATRON
        wav2vec hubert tacotron2 fastspeech2 speech_to_unit speech_to_unit_2pass | not there: SPEECH
        speech_to_spectrogram speech_to_spectrogram_2pass                       | not there: SPEECH
        speech_unit_lm_criterion speech_dlm_criterion                           | not there: SPEECH
    """,
    "--optimizer": """
        adam | = | decays all parameters, decoupled, as there; adamw leaves out biases and norms | \
            the betas are text that is evaluated as Python
        nag  | =
        sgd adagrad adadelta adamax | = | | HYDRA
        adafactor | = | | HYDRA
        lamb | = | | HYDRA; needs apex
        composite | = | parts by pattern of the parameter's name, each with its optimizer and schedule | only models \
            that mark their parameters for it can have it
        cpu_adam | not there: parameters and their optimizer's state are on one device; needs deepspeed in fairseq
    """,
    "--lr-scheduler": """
        fixed | = | several rates, one an epoch, are lr_per_epoch
        inverse_sqrt | = | | no warm-up divides by zero at the first update; here it starts at the peak
        cosine | = | | starts again at the last update, here it ends at min_lr; later cycles fall below min_lr, here \
            never; where a cycle begins is found by logarithms, and can be an update off
        polynomial_decay | = | | of several rates the first is never used; here there is one
        tri_stage | = | stages are warmup_updates, hold_updates, decay_updates | ratios that sum to 1 but for rounding \
            are refused; stages are cut to fewer updates than the run has; no decay divides by zero, here it holds
        triangular | = | | a shrunken peak goes below the lowest rate, here it stops there; an odd period is rounded \
            down, and one of 1 divides by zero
        reduce_lr_on_plateau | = | by valid/loss, once an epoch
        step | = | | the period's name is misspelt; here lr_decay_period
        manual | = | rates are mappings | HYDRA; with both clocks an epoch's rate lasts one update, here one is refused
        pass_through | = | with optimizer=composite
    """,
    "--bpe": """
        sentencepiece | = | learned by `prepare` if there is no model_file
        subword_nmt | = | from files of codes
        gpt2 | gpt2_bpe
        hf_byte_bpe | gpt2_bpe | from its vocabulary and merges
        bytes | byte
        characters | char
        byte_bpe | not there: gpt2_bpe knows all characters too
        fastbpe | not there: subword_nmt takes the codes of subword-nmt, sentencepiece learns its own
        bert | not there: WordPiece
    """,
    "--tokenizer": """
        moses | = | with codes too: tokenizer=subword_nmt tokenizer.moses=true
        space | whitespace
        nltk | not there: moses splits words by rules too
    """,
    "--scoring": """
        bleu | = | by sacreBLEU, of plain text | of tokens; generate ends in an error without a C extension
        sacrebleu  | bleu | its tokenizer is that of the language | always 13a if nothing is said; fairseq-score cannot
        chrf       | = | | ends in an error: what it returns has no score
        wer        | =
        meteor     | not there: needs WordNet
        bert_score | not there: needs another model
    """,
}
"""fairseq's names | the name here, ``=`` for the same, or a sentence (with a colon) | a note | fairseq's defect."""

PHRASES = {
    "HYDRA": "not to be had through Hydra",
    "PRESETS": "its shape is not to be had through Hydra",
    "SIZES": "fairseq's sizes; OpenAI's are gpt2, gpt2_medium, gpt2_large, gpt2_xl",
    "DOUBLED": "two passes in validation too; nll_loss adds both up, so that ppl is squared; a prefix breaks it",
    "ALIGNMENT": "label_smoothed_cross_entropy_with_alignment",
    "MASKED": "masked language models",
    "PRETRAINED": "translation that starts from such a model",
    "ITERATIVE": "iterative decoding",
    "SIMULTANEOUS": "simultaneous translation",
    "MEGATRON": "Megatron and fairscale, which are no longer maintained",
    "SPEECH": "speech",
}
"""What the words in capitals stand for."""

NEW = {
    "model": {},
    "task": {},
    "criterion": {"knowledge_distillation": "learn from a trained model's probabilities"},
    "optimizer": {
        "adamw": "Adam whose decay leaves out biases and norms",
        "lion": "the sign of a momentum: half the memory of Adam",
        "muon": "orthogonal updates of matrices, AdamW for the rest",
        "schedule_free_adamw": "AdamW that needs no schedule",
    },
    "lr_scheduler": {
        "linear": "up and down in lines, as for BERT",
        "warmup_stable_decay": "a constant rate, then a short decay: longer runs start from the same beginning",
    },
    "tokenizer": {},
    "scorer": {
        "ter": "edits of words and shifts of phrases, by sacreBLEU",
        "exact_match": "the percentage of lines that are right",
        "bleu_lowercase": "BLEU of lower-cased text, beside the cased one",
        "chrf_plus_plus": "chrF++: words count too",
    },
}
"""Parts that fairseq has not, by group, and what they are for."""


@dataclass(frozen=True)
class Part:
    """One of fairseq's parts and what stands for it."""

    flag: str
    """The flag that chooses it."""
    name: str
    """What fairseq calls it."""
    here: str
    """What it is called here, or a sentence (with a colon) if there is none."""
    note: str = ""
    """What is different here."""
    defect: str = ""
    """What is wrong in fairseq and right here."""

    @property
    def is_there(self) -> bool:
        """Whether there is a name to choose."""
        return ": " not in self.here


def _read_rows() -> Iterator[Part]:
    for flag, rows in ROWS.items():
        for row in rows.strip().splitlines():
            names, here, note, defect = [_spelt_out(cell.strip()) for cell in (*row.split("|"), "", "")[:4]]
            for name in names.split():
                yield Part(flag, name, name if here == "=" else here, note, defect)


def _spelt_out(cell: str) -> str:
    """Return a cell with its phrases in words, and single spaces where its row goes on in another line."""
    for word, phrase in PHRASES.items():
        cell = cell.replace(word, phrase)
    return " ".join(cell.split())


PARTS = {flag: {part.name: part for part in _read_rows() if part.flag == flag} for flag in GROUPS}
"""fairseq's parts by the flag that chooses them, and by name."""
