"""The table: what stands here for each of fairseq's flags and the keys of its Hydra configs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

ROWS = {
    "choice": """
        --arch= -a=                | model        |
        --task=                    | task         |
        --criterion=               | criterion    |
        --optimizer=               | optimizer    |
        --lr-scheduler=            | lr_scheduler |
        --bpe=                     | tokenizer    |
        --scoring=                 | scorer |
        --tokenizer=               | tokenizer    |
    """,
    "common": """
        --seed=                    | training.seed |
        --user-dir=                | hydra.searchpath | port its Python first: docs/tutorials/porting-from-fairseq.md
        --cpu                      | training.device=cpu |
        --bf16 --amp               | training.precision=bf16 | autocast; parameters stay in fp32
        --log-interval=            | training.log_interval |
        --tensorboard-logdir=      | tracking.tensorboard=true | the files lie in tensorboard/ of the run directory
        --fp16                     | training.precision=fp16 | autocast; parameters stay in fp32; bf16 where there is it
        --fp16-init-scale=         | training.fp16_init_scale |
        --fp16-scale-window=       | training.fp16_scale_window |
        --min-loss-scale=          | training.min_loss_scale |
        --memory-efficient-fp16 --memory-efficient-bf16   | not there: parameters stay in fp32
        --fp16-scale-tolerance= --threshold-loss-scale= --amp-batch-retries= --amp-init-scale=   | not needed: NO_SCALE
        --amp-scale-window= --fp16-no-flatten-grads --on-cpu-convert-precision --fp16-adam-stats | not needed: NO_SCALE
        --log-format= --no-progress-bar      | not needed: a terminal shows a bar, anything else gets lines
        --log-file=                          | not needed: the log is train.log of the run directory
        --wandb-project= --aim-repo= --aim-run-hash= --azureml-logging   | not there yet: trackers beside TensorBoard
        --profile                            | not there yet: profiling
        --empty-cache-freq= --all-gather-list-size= --reset-logging      | not needed: NOTHING_TO_SET
        --use-plasma-view --plasma-path=     | not needed: data is memory-mapped
        --tpu --model-parallel-size= --quantization-config-path= --suppress-crashes  | NOTHING
    """,
    "distributed_training": """
        --distributed-world-size= --distributed-num-procs= --distributed-rank= --distributed-backend=  | ONE_DEVICE
        --distributed-init-method= --distributed-port= --device-id= --distributed-no-spawn             | ONE_DEVICE
        --ddp-backend= --ddp-comm-hook= --bucket-cap-mb= --fix-batches-to-gpus --nprocs-per-node=      | ONE_DEVICE
        --find-unused-parameters --gradient-as-bucket-view --fast-stat-sync --heartbeat-timeout=       | ONE_DEVICE
        --broadcast-buffers --zero-sharding= --no-reshard-after-forward --fp32-reduce-scatter          | ONE_DEVICE
        --cpu-offload --use-sharded-state --not-fsdp-flatten-parameters                                | ONE_DEVICE
        --slowmo-momentum= --slowmo-base-algorithm= --localsgd-frequency= --pipeline-model-parallel    | NOTHING
        --pipeline-balance= --pipeline-devices= --pipeline-chunks= --pipeline-checkpoint=              | NOTHING
    """,
    "dataset": """
        --max-tokens=                        | dataset.max_tokens | generation.max_tokens where text is decoded
        --batch-size= --max-sentences=       | dataset.max_sentences | generation.max_sentences where text is decoded
        --required-batch-size-multiple=      | dataset.required_batch_size_multiple | 1 if not set, 8 in fairseq
        --train-subset=                      | task.train | prefixes of files
        --valid-subset=                      | task.valid | prefixes of files
        --gen-subset=                        | split | of the commands generate and evaluate
        --validate-interval=                 | validation.interval_epochs |
        --validate-interval-updates=         | validation.interval_updates |
        --max-valid-steps=                   | validation.max_batches |
        --disable-validation                 | task.valid=[] |
        --num-workers= --data-buffer-size=   | not needed: one thread prepares batches ahead
        --skip-invalid-size-inputs-valid-test | not needed: validation and decoding cut what is too long, and say so
        --dataset-impl=                      | not needed: a data-bin is read as it is (mmap), text is indexed once
        --max-tokens-valid= --batch-size-valid= --max-sentences-valid=  | not there: dataset.max_tokens holds there too
        --fixed-validation-seed=             | not needed: validation leaves nothing to chance
        --ignore-unused-valid-subsets        | not needed: what task.valid names counts, whatever else there is
        --combine-valid-subsets --combine-val | not there: each prefix in task.valid is a set of its own
        --validate-after-updates= --curriculum=                             | NOTHING
        --num-shards= --shard-id=            | num_processes | of the command generate: one input in several processes
        --grouped-shuffling --update-epoch-batch-itr --update-ordered-indices-seed      | not there: FIXED_PLAN
        --required-seq-len-multiple= --num-batch-buckets=                               | not there: FIXED_PLAN
    """,
    "optimization": """
        --max-epoch= --me=                   | training.max_epoch |
        --max-update= --mu=                  | training.max_update |
        --stop-time-hours=                   | training.stop_time_hours | counts from the start or the resume
        --clip-norm=                         | training.clip_norm |
        --update-freq=                       | training.update_freq | one number for all epochs
        --lr= --learning-rate=               | optimizer.lr |
        --sentence-avg                       | criterion.sentence_avg=true |
        --stop-min-lr=                       | not there: training does not end by its rate
        --min-lr=                            | lr_scheduler.min_lr | with lr_scheduler=cosine or step
        --skip-remainder-batch               | not there: the last, smaller update of an epoch is made
        --debug-param-names --use-bmuf       | NOTHING
    """,
    "bmuf": """
        --block-lr= --block-momentum= --global-sync-iter= --warmup-iterations= --use-nbm --average-sync  | NOTHING
    """,
    "optimizer": """
        --adam-betas= --adamax-betas= --lamb-betas=   | optimizer.betas |
        --adam-eps= --adamax-eps= --adadelta-eps=     | optimizer.eps |
        --lamb-eps=                          | optimizer.eps | 1e-6 if not set, 1e-8 in fairseq
        --weight-decay= --wd= | optimizer.weight_decay | of vectors too in adam, as in fairseq; lamb has 0.01 if not set
        --momentum=                          | optimizer.momentum |
        --adafactor-eps=                     | optimizer.eps | two numbers, with optimizer=adafactor
        --clip-threshold=                    | optimizer.clip_threshold |
        --decay-rate=                        | optimizer.decay_rate |
        --beta1=                             | optimizer.beta1 |
        --scale-parameter                    | optimizer.scale_parameter=true |
        --relative-step                      | optimizer.relative_step=true | with optimizer.lr=1
        --warmup-init                        | optimizer.warmup_init=true | with optimizer.relative_step=true
        --adadelta-rho=                      | optimizer.rho |
        --anneal-eps                         | not needed: fairseq reads it nowhere
        --no-bias-correction                 | not there: torch's Adamax always corrects its running mean
        --groups= --dynamic-groups           | not there: optimizer.parts of optimizer=composite, by patterns of names
        --use-old-adam                       | not needed: torch's fused Adam is taken where there is one
    """,
    "lr_scheduler": """
        --warmup-updates=                    | lr_scheduler.warmup_updates |
        --warmup-init-lr=                    | lr_scheduler.warmup_init_lr |
        --total-num-update= --max-num-update= | lr_scheduler.total_num_update | training.max_update if not set
        --end-learning-rate=                 | lr_scheduler.end_learning_rate |
        --power=                             | lr_scheduler.power |
        --force-anneal= --fa=                | lr_scheduler.force_anneal |
        --lr-shrink= --lrs=                  | lr_scheduler.lr_shrink |
        --lr-threshold=                      | lr_scheduler.lr_threshold | with lr_scheduler=reduce_lr_on_plateau
        --lr-patience=                       | lr_scheduler.lr_patience | with lr_scheduler=reduce_lr_on_plateau
        --t-mult=                            | lr_scheduler.t_mult | with lr_scheduler=cosine
        --lr-period-updates=                 | lr_scheduler.lr_period_updates | with lr_scheduler=cosine or triangular
        --max-lr=                            | lr_scheduler.max_lr | with lr_scheduler=triangular
        --shrink-min                         | lr_scheduler.shrink_min=true | with lr_scheduler=triangular
        --warmup-steps=                      | lr_scheduler.warmup_updates |
        --hold-steps=                        | lr_scheduler.hold_updates | with lr_scheduler=tri_stage
        --decay-steps=                       | lr_scheduler.decay_updates | with lr_scheduler=tri_stage
        --phase-ratio=                       | lr_scheduler.phase_ratio | with lr_scheduler=tri_stage
        --init-lr-scale=                     | lr_scheduler.init_lr_scale | with lr_scheduler=tri_stage
        --final-lr-scale=                    | lr_scheduler.final_lr_scale | with lr_scheduler=tri_stage
        --lr-deacy-period=                   | lr_scheduler.lr_decay_period | with lr_scheduler=step
        --lr-decay=                          | lr_scheduler.lr_decay | with lr_scheduler=step
        --epoch2lr=                          | lr_scheduler.epoch2lr | with lr_scheduler=manual
        --update2lr=                         | lr_scheduler.update2lr | with lr_scheduler=manual
    """,
    "checkpoint": """
        --save-dir=                          | hydra.run.dir | checkpoints, log and metrics lie in it
        --restore-file= --continue-once=     | resume=RUN | goes on exactly; saving.finetune_from=RUN starts a new run
        --save-interval=                     | saving.interval_epochs |
        --save-interval-updates=             | saving.interval_updates |
        --keep-interval-updates= --keep-last-epochs=  | saving.keep_last | 3 if not set, all in fairseq
        --keep-best-checkpoints=             | saving.keep_best |
        --keep-interval-updates-pattern=     | saving.keep_every |
        --no-epoch-checkpoints               | saving.keep_last=1 | the best one is kept besides
        --best-checkpoint-metric=            | saving.metric | `<split>/<name>`
        --maximize-best-checkpoint-metric    | saving.maximize=true |
        --patience=                          | training.patience | counts validations
        --finetune-from-model=               | saving.finetune_from | a run or checkpoint directory; what fits
        --reset-optimizer --reset-lr-scheduler --reset-meters --reset-dataloader   | not needed: RESET
        --optimizer-overrides=                                                     | not needed: RESET
        --no-save --no-last-checkpoints --no-save-optimizer-state    | not there: every run can be resumed
        --write-checkpoints-asynchronously --save-async              | not needed: a thread writes beside training
        --checkpoint-shard-count= --load-checkpoint-on-all-dp-ranks  | ONE_DEVICE
        --checkpoint-suffix=                                         | NOTHING
    """,
    "ema": """
        --store-ema                          | training.ema=true | the average is what is validated and saved
        --ema-decay=                         | ema.decay |
        --ema-start-update=                  | ema.start_update |
        --ema-update-freq=                   | ema.update_freq |
        --ema-fp32                           | not needed: parameters and their average are fp32
        --ema-seed-model=                    | saving.finetune_from | parameters and average both start from it
    """,
    "criterion": """
        --label-smoothing=                   | criterion.label_smoothing | 0.1 if not set, 0 in fairseq
        --ignore-prefix-size=                | criterion.ignore_prefix_size |
        --report-accuracy                    | criterion.report_accuracy=true |
        --alignment-lambda=                  | criterion.alignment_lambda |
        --ctc-weight=                        | criterion.ctc_weight | with model.ctc_upsampling=N
        --zero-infinity                      | criterion.zero_infinity=true | of the criterion ctc
        --rdrop-alpha=                       | criterion.rdrop_alpha | the loss is half of fairseq's
    """,
    "task": """
        --source-lang= -s=                   | task.source_lang |
        --target-lang= -t=                   | task.target_lang |
        --max-source-positions=              | task.max_source_positions |
        --max-target-positions=              | task.max_target_positions |
        --eval-bleu                          | validation.generate=true | with scorer=bleu
        --eval-bleu-args=                    | generation.beam | and the other fields of `generation`
        --eval-tokenized-bleu                | scorer.bleu.tokenizer=none | with scorer=bleu
        --eval-bleu-detok= --eval-bleu-detok-args=   | not needed: PLAIN_TEXT
        --eval-bleu-remove-bpe=   | tokenizer.post_process | with tokenizer=whitespace, in training already
        --eval-bleu-print-samples            | not there yet: samples; validation.final_split=test shows some at the end
        --left-pad-source= --left-pad-target= | not needed: padding stands on the right, and changes no result
        --truncate-source                    | NOTHING
        --upsample-primary=                  | task.train_weights | one number for each of task.train
        --lang-pairs=                        | task.lang_pairs | with task=multilingual_translation
        --encoder-langtok=                   | task.encoder_langtok |
        --decoder-langtok                    | task.decoder_langtok=true |
        --sampling-method=                   | task.sampling_temperature | 1 is concat; the higher, the more uniform
        --sampling-temperature=              | task.sampling_temperature |
        --virtual-epoch-size=                | task.epoch_size | an epoch goes on where the last one stopped
        --sampling-weights=                  | task.train_weights | factors on the sets' sizes, not probabilities
        --langs= --lang-dict= --eval-lang-pairs=   | not needed: the languages are those of task.lang_pairs
        --source-dict= --target-dict= --fixed-dictionary=   | not needed: one dictionary is learned from all pairs
        --langtoks-specs= --langtoks= --lang-tok-style=     | not needed: a language's symbol is <de>
        --lang-tok-replacing-bos-eos --enable-lang-ids      | NOTHING
        --extra-data= --extra-lang-pairs=    | not needed: task.train names any number of training sets
        --virtual-data-size= --sampling-weights-from-file= --enable-reservsed-directions-shared-datasets | NOTHING
        --load-alignments                    | task.load_alignments=true | text files: PREFIX.align.SOURCE-TARGET
        --tokens-per-sample=                 | task.tokens_per_sample |
        --sample-break-mode=                 | task.sample_break_mode |
        --future-target                      | task.target=future | which is the default
        --self-target                        | task.target=self | one target at a time
        --past-target                        | task.target=past | one target at a time
        --add-bos-token                      | task.add_bos_token=true | in place of the token before a block
        --output-dictionary-size=            | not needed: the output has the symbols of the dictionary
        --shorten-method= --shorten-data-split-list=  | not needed: a line that is too long becomes several blocks
        --pad-to-fixed-length --pad-to-fixed-bsz      | not there: FIXED_PLAN
        --mask-prob= --leave-unmasked-prob= --random-token-prob= --freq-weighted-replacement   | not there yet: MASKED
        --mask-whole-words --mask-multiple-length= --mask-stdev=                               | not there yet: MASKED
    """,
    "model": """
        --dropout=                           | model.dropout |
        --attention-dropout=                 | model.attention_dropout |
        --activation-dropout= --relu-dropout= | model.activation_dropout |
        --activation-fn=                     | model.activation_fn | `gelu_accurate` and `gelu_fast` are gelu_tanh
        --encoder-embed-dim=                 | model.encoder_embed_dim |
        --encoder-ffn-embed-dim=             | model.encoder_ffn_embed_dim |
        --encoder-layers=                    | model.encoder_layers |
        --encoder-attention-heads=           | model.encoder_attention_heads |
        --encoder-layerdrop=                 | model.encoder_layerdrop |
        --encoder-normalize-before           | model.encoder_normalize_before=true |
        --decoder-embed-dim=                 | model.decoder_embed_dim |
        --decoder-ffn-embed-dim=             | model.decoder_ffn_embed_dim |
        --decoder-layers=                    | model.decoder_layers |
        --decoder-attention-heads=           | model.decoder_attention_heads |
        --decoder-layerdrop=                 | model.decoder_layerdrop |
        --decoder-normalize-before           | model.decoder_normalize_before=true |
        --encoder-learned-pos --decoder-learned-pos  | model.positions=learned | of encoder and decoder
        --no-token-positional-embeddings     | model.positions=none |
        --alignment-layer=                   | model.alignment_layer |
        --alignment-heads=                   | model.alignment_heads |
        --full-context-alignment             | model.full_context_alignment=true | with model=transformer_align
        --share-decoder-input-output-embed   | model.share_decoder_input_output_embed=true |
        --share-all-embeddings               | model.share_all_embeddings=true |
        --no-scale-embedding                 | model.no_scale_embedding=true |
        --layernorm-embedding                | model.layernorm_embedding=true |
        --adaptive-softmax-cutoff=           | model.adaptive_softmax_cutoff | train with criterion=adaptive_loss
        --adaptive-softmax-factor=           | model.adaptive_softmax_factor |
        --adaptive-softmax-dropout=          | model.adaptive_softmax_dropout |
        --adaptive-input                     | not needed: model.adaptive_input_cutoff makes embeddings adaptive
        --adaptive-input-cutoff=             | model.adaptive_input_cutoff | with model=transformer_lm
        --adaptive-input-factor=             | model.adaptive_input_factor | with model=transformer_lm
        --tie-adaptive-weights               | model.tie_adaptive_weights=true | with model=transformer_lm
        --tie-adaptive-proj                  | model.tie_adaptive_proj=true | with model=transformer_lm
        --no-decoder-final-norm              | model.no_decoder_final_norm=true |
        --encoder-hidden-size=               | model.encoder_hidden_size | with model=lstm
        --encoder-bidirectional              | model.encoder_bidirectional=true | with model=lstm
        --encoder-dropout-in=                | model.encoder_dropout_in | with model=lstm
        --encoder-dropout-out=               | model.encoder_dropout_out | with model=lstm
        --encoder-freeze-embed               | optimizer.frozen=[encoder.embedding] | of both, [embedding]
        --decoder-hidden-size=               | model.decoder_hidden_size | with model=lstm or lstm_lm
        --decoder-out-embed-dim=             | model.decoder_out_embed_dim | with model=lstm or lstm_lm
        --decoder-attention=                 | model.decoder_attention | with model=lstm
        --decoder-dropout-in=                | model.decoder_dropout_in | with model=lstm or lstm_lm
        --decoder-dropout-out=               | model.decoder_dropout_out | with model=lstm or lstm_lm
        --decoder-freeze-embed               | optimizer.frozen=[decoder.embedding] | of both, [embedding]
        --residuals                          | model.residuals=true | with model=lstm_lm
        --checkpoint-activations             | model.checkpoint_activations=true | of encoder and decoder
        --offload-activations                | not there: model.checkpoint_activations=true saves memory too
        --encoder-embed-path= --decoder-embed-path= --decoder-input-dim= --decoder-output-dim=         | NOTHING
        --encoder-layers-to-keep= --decoder-layers-to-keep= --cross-self-attention                     | NOTHING
        --no-cross-attention --quant-noise-pq= --quant-noise-pq-block-size=    | NOTHING
        --quant-noise-scalar= --min-params-to-wrap=                                                    | NOTHING
    """,
    "generation": """
        --beam=                              | generation.beam |
        --nbest=                             | generation.nbest |
        --lenpen=                            | generation.lenpen |
        --max-len-a=                         | generation.max_len_a |
        --max-len-b=                         | generation.max_len_b |
        --min-len=                           | generation.min_len |
        --unnormalized                       | generation.lenpen=0 |
        --sacrebleu                          | scorer=bleu | every BLEU is sacreBLEU's
        --no-early-stop --no-beamable-mm     | not needed: fairseq itself no longer heeds it
        --unkpen=                            | generation.unkpen |
        --no-repeat-ngram-size=              | generation.no_repeat_ngram_size |
        --temperature=                       | generation.temperature |
        --match-source-len                   | generation.match_source_len=true |
        --sampling                           | generation.sampling=true | how many: generation.nbest
        --sampling-topk=                     | generation.sampling_topk | without sampling_topp
        --sampling-topp=                     | generation.sampling_topp | without sampling_topk
        --diverse-beam-groups=               | generation.diverse_beam_groups |
        --diverse-beam-strength=             | generation.diverse_beam_strength |
        --diversity-rate=                    | generation.diversity_rate |
        --constraints=                       | generation.constraints | ordered or unordered
        --prefix-size=                       | generation.prefix_size | where a split is decoded, such as split=test
        --lm-path=                           | lm_path | of the command generate
        --lm-weight=                         | generation.lm_weight |
        --score-reference                    | not needed: the command score takes source=FILE target=FILE
        --print-alignment=                   | print_alignment | of the command generate: hard or soft
        --replace-unk=                       | replace_unk | of the command generate; '' copies source words
        --print-step --eos-token=                                               | NOTHING
        --no-seed-provided                   | not needed: nothing is drawn without generation.sampling, whose seed is 1
        --retain-dropout --retain-dropout-modules=  | not there: dropout is off where text is decoded
        --iter-decode-eos-penalty= --iter-decode-max-iter= --iter-decode-force-max-iter        | not there: ITERATIVE
        --iter-decode-with-beam= --iter-decode-with-external-reranker --retain-iter-history    | not there: ITERATIVE
        --decoding-format=                                                                     | not there: ITERATIVE
        --beam-mt= --max-len-a-mt= --max-len-b-mt= --lenpen-mt=                                | not there: speech
    """,
    "bpe": """
        --sentencepiece-model=               | tokenizer.model_file | of the tokenizer sentencepiece
        --sentencepiece-enable-sampling      | tokenizer.sampling_alpha=0.1 | in training, not where text is decoded
        --sentencepiece-alpha=               | tokenizer.sampling_alpha | in training, not where text is decoded
        --bpe-codes=                         | tokenizer.codes | of the tokenizer subword_nmt
        --bpe-separator=                     | not needed: subword_nmt joins what ends in @@
        --gpt2-encoder-json=                 | tokenizer.encoder_json | of the tokenizer gpt2_bpe
        --gpt2-vocab-bpe=                    | tokenizer.vocab_bpe | of the tokenizer gpt2_bpe
        --bpe-vocab=                         | tokenizer.encoder_json | of the tokenizer gpt2_bpe, for hf_byte_bpe
        --bpe-merges=                        | tokenizer.vocab_bpe | of the tokenizer gpt2_bpe, for hf_byte_bpe
        --bpe-add-prefix-space               | not there: a line is encoded as it stands
        --moses-source-lang= --moses-target-lang=  | not needed: the task knows the languages
        --moses-no-dash-splits  | tokenizer.moses_no_dash_splits=true | with tokenizer.moses=true
        --moses-no-escape        | tokenizer.moses_no_escape=true | with tokenizer.moses=true
    """,
    "common_eval": """
        --path=                              | checkpoint=RUN | A:B, an ensemble, is checkpoint=[A,B]
        --results-path=                      | output=FILE | of the command generate, with format=fairseq
        --post-process= --remove-bpe=   | tokenizer.post_process | with tokenizer=whitespace, in training already
        --quiet                  | format=text | of the command generate: outputs alone; scores go to standard error
        --model-overrides=                   | not needed: the fields of `generation` on the command line count
    """,
    "scoring": """
        --sacrebleu-tokenizer=               | scorer.bleu.tokenizer | with scorer=bleu; else that of the language
        --sacrebleu-lowercase                | scorer.bleu.lowercase=true | with scorer=bleu
        --sacrebleu-char-level               | scorer.bleu.tokenizer=char | with scorer=bleu
        --wer-tokenizer=                     | not there: words stand between spaces
        --wer-remove-punct                   | scorer.wer.no_punct=true | with scorer=wer
        --wer-char-level                     | scorer.wer.char_level=true | with scorer=wer
        --wer-lowercase                      | scorer.wer.lowercase=true | with scorer=wer
        --bert-score-lang=                   | NOTHING
    """,
    "interactive": """
        --input=                             | input | of the command generate
        --buffer-size=           | buffer_size | of the command generate; default 1 from a terminal, else 4096
    """,
    "eval_lm": """
        --context-window=                    | context_window | of the command evaluate
        --output-word-probs                  | output_word_probs=FILE | of the command evaluate
        --output-word-stats                  | output_word_stats=FILE | of the command evaluate
        --softmax-batch=                     | not needed: logits are computed in chunks
    """,
    "preprocess": """
        --trainpref=                         | task.train |
        --validpref=                         | task.valid |
        --testpref=                          | task.test |
        --joined-dictionary                  | task.joined_dictionary=true | which is the default
        --srcdict= --tgtdict=                | tokenizer.dictionary | with tokenizer=whitespace; {name} is the language
        --thresholdsrc= --thresholdtgt=      | tokenizer.threshold | with tokenizer=whitespace, for both sides
        --nwordssrc= --nwordstgt=            | tokenizer.nwords | with tokenizer=whitespace, for both sides
        --padding-factor=                    | tokenizer.padding_factor | with tokenizer=whitespace; 1 if not set
        --destdir=                           | not needed: prepared data lies in dataset.cache_dir
        --workers=                           | not needed: one process indexes
        --dict-only                          | not needed: the command prepare learns dictionaries and indexes
        --only-source                        | not needed: task=language_modeling reads text of one language
        --align-suffix= --alignfile=         | not needed: task.load_alignments=true reads text, as it is
    """,
    "score": """
        --sys= --ref= --order= --ignore-case --sentence-bleu   | not needed: `sacrebleu REF -i FILE` scores a file
    """,
    "average": """
        --inputs=                            | checkpoint=RUN | of the command average
        --output=                            | output | of the command average: a directory
        --num-update-checkpoints= --num-epoch-checkpoints=   | last | of the command average
        --num-best-checkpoints=              | best | of the command average
        --checkpoint-upper-bound=            | upper_bound | of the command average, in updates
    """,
}
"""Rows of each section: flags, a value following those that end in ``=`` | what stands for them | a note.

What stands for a flag is a key, a whole override (with ``=``), or a sentence (with a colon).
"""

PHRASES = {
    "NOTHING": "not there: nothing of the kind",
    "NOTHING_TO_SET": "there is nothing of the kind to set",
    "ONE_DEVICE": "not there yet: training on several devices",
    "NO_SCALE": "bf16 scales no loss, and fp16 has one dynamic scale; parameters stay in fp32",
    "FIXED_PLAN": "the batch plan is a function of the data, training.seed and the epoch",
    "PLAIN_TEXT": "the tokenizer turns ids into plain text, subwords joined",
    "RESET": "with saving.finetune_from=RUN all begins anew, but for what saving.reset leaves out; metrics always do",
    "MASKED": "masked language models",
    "SEARCH": "what there is is greedy and beam search with length penalty, n-best and limits of length",
    "ITERATIVE": "iterative decoding",
}
"""What the words in capitals stand for."""

SECTIONS = {
    "choice": "What is trained",
    "preprocess": "`fairseq-preprocess`, which has no Hydra keys",
    "score": "`fairseq-score`, which has no Hydra keys",
    "average": "`scripts/average_checkpoints.py`, which has no Hydra keys",
}
"""Headings of those sections that are none in fairseq's Hydra configs."""


@dataclass(frozen=True)
class Flag:
    """One of fairseq's flags and what stands for it."""

    name: str
    """With its dashes."""
    section: str
    """Section of fairseq's Hydra configs, or one of ``SECTIONS``."""
    takes_value: bool
    answer: str
    """A key, a whole override (with ``=``), or a sentence (with a colon)."""
    note: str = ""

    @property
    def is_there(self) -> bool:
        """Whether there is something to write for it."""
        return ": " not in self.answer

    @property
    def hydra_key(self) -> str:
        """Its key in fairseq's Hydra configs."""
        return f"{self.section}.{self.name.lstrip('-').replace('-', '_')}"


def _read_rows() -> Iterable[Flag]:
    for section, rows in ROWS.items():
        for row in rows.strip().splitlines():
            names, answer, note = [cell.strip() for cell in (*row.split("|"), "")[:3]]
            text = re.sub(r"[A-Z_]{2,}$", lambda word: PHRASES.get(word[0], word[0]), answer)
            for name in names.split():
                yield Flag(name.rstrip("="), section, name.endswith("="), text, note)


FLAGS = {flag.name: flag for flag in _read_rows()}
"""Every flag of fairseq's by its name, dashes and all."""
