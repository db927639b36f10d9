/* Two units, one of C and one of C++, each with its own copy of the header's functions. */
int uses_all(void);
int second_unit(void);

int main(void)
{
    return uses_all() + second_unit();
}
