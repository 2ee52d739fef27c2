"""Vision transformers as timm and torchvision name them; MONAI's names are ours."""

from __future__ import annotations

OTHERS = {
    "timm": (
        (r"^patch_embed\.proj\.", "patch_embedding.patch_embeddings."),
        (r"^pos_embed$", "patch_embedding.position_embeddings"),
        (r"^(blocks\.\d+\.attn)\.proj\.", r"\1.out_proj."),
        (r"^(blocks\.\d+\.mlp)\.fc([12])\.", r"\1.linear\2."),
    ),
    "torchvision": (
        (r"^conv_proj\.", "patch_embedding.patch_embeddings."),
        (r"^encoder\.pos_embedding$", "patch_embedding.position_embeddings"),
        (r"^encoder\.ln\.", "norm."),
        (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
        (r"^(blocks\.\d+)\.ln_([12])\.", r"\1.norm\2."),
        (r"^(blocks\.\d+)\.self_attention\.in_proj_", r"\1.attn.qkv."),
        (r"^(blocks\.\d+)\.self_attention\.out_proj\.", r"\1.attn.out_proj."),
        # Files of before torchvision 0.14 write `linear_1` and `linear_2`.
        (r"^(blocks\.\d+\.mlp)\.(?:0|linear_1)\.", r"\1.linear1."),
        (r"^(blocks\.\d+\.mlp)\.(?:3|linear_2)\.", r"\1.linear2."),
    ),
}
